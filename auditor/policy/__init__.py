"""Estimates become a verdict: profiles, rules, baselines, waivers."""

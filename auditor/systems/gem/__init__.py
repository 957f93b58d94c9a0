"""Texts that say what an ECG shows, held to its measurements (GEM)."""

"""Simulated populations, pairs of ECG and picture, and a hospital's tables."""

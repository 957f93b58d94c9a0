"""Phenotypes and cines of the heart from an ECG aligned with CMR (CardioNets)."""

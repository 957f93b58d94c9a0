"""Findings of a chest radiograph from an ECG aligned with it (CroMoTEX)."""

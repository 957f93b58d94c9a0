"""Type 2 diabetes in five years (ECG-DiaNet)."""

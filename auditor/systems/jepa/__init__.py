"""A representation of ECGs by prediction of what is hidden (ECG-JEPA)."""

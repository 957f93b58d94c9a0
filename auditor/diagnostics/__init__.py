"""The clinical systems: what each is to find, and how each is trained on whose data."""

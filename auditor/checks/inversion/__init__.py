"""The check `inversion`."""

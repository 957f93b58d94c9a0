"""The check `uniqueness`."""

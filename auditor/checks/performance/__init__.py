"""The check `performance`."""

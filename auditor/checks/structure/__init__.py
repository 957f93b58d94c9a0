"""The check `structure`."""

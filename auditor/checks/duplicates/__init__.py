"""The check `duplicates`."""

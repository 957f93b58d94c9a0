"""The check `attribute`."""

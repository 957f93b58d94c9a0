"""The check `text`."""

"""The check `split`."""

"""The check `memorisation`."""

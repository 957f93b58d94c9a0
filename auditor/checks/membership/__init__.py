"""The check `membership`."""

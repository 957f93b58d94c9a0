"""The check `attribution`."""

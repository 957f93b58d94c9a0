"""The check `identifiers`."""

"""The check `shortcut`."""

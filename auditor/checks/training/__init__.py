"""The check `training`."""

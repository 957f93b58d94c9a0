"""The check `cross_release`."""

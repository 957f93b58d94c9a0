"""The check `cross_modal`."""

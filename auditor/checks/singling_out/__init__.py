"""The check `singling-out`."""

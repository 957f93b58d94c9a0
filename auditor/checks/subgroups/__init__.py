"""The check `subgroups`."""

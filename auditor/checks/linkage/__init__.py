"""The check `linkage`."""

"""The check `output_linkage`."""

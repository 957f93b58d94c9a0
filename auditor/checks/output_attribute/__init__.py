"""The check `output_attribute`."""

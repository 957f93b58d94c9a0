"""A line on means: an example of a system."""

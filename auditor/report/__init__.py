"""Views of a finished audit: the JSON that is the report, and what is drawn from it alone."""

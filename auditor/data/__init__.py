"""Files become records."""

"""Models under audit, and what they are asked with."""

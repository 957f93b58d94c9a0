"""Evidence becomes estimates, and estimates a verdict."""

"""Evidence becomes estimates, each with its interval and its chance level."""

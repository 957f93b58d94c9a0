"""What lowers the risk of a release."""

"""The check `privacy_loss`."""

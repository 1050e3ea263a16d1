"""Losses, gradients, the optimizer, and saved states."""

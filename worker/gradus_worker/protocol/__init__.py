"""Frames, messages and their schema, for the data between client and worker."""

"""Frames, messages and their schema: what crosses between client and worker."""

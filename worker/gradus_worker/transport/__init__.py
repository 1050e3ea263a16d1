"""Transports of frames: file descriptors and HTTP."""

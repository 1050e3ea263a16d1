"""The protocol between client and worker: frames, messages and their schema."""

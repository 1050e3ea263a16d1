"""Continuous batching: from prompts to completions."""

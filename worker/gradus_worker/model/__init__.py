"""The transformer, its files, its low-rank adapters, and attention over packed sequences."""

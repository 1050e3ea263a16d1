"""Stands in for reasoning-gym 0.1.25 in tests: the shapes of its registry, datasets and curricula, and hostile datasets."""

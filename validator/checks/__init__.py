"""The checks, a room for each category: one file and one class each, listed in validator/registry.py."""

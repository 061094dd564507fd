"""The checks: one file and one class each, listed in validator/registry.py."""

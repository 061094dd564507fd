"""The checks, one package per category and one file and class per check, listed in validator/registry.py."""

"""The checks, one file and one class each."""

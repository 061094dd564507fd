"""Checks that measure, and what they compare with."""

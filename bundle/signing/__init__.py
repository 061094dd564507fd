"""Signatures, and the numbered policies that define the trusted keys."""

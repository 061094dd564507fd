"""Signatures, and the numbered policies that say whose count."""

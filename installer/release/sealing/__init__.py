"""Sealing a built release with its receipt, and whether a release is still as it was sealed."""

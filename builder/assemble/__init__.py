"""Assembling a bundle, and unpacking bundles to find differences."""

"""Signing of releases and policies, signing keys, and the trust slip for comparison by hand."""

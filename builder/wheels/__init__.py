"""Wheels and interpreters of a bundle: fetching, building from source, and checking attestations."""

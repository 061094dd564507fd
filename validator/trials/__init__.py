"""Running parts of an installed release to see whether they work."""

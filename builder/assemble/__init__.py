"""Putting a bundle together, and taking one apart again to see what differs."""

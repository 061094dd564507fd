"""Models: found or fetched, whole, and what they answer."""

"""Changes of a prefix that happen completely or not at all, and what they leave."""

"""Changes of a prefix that happen whole or not at all, and what they leave."""

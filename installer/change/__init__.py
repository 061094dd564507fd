"""Changes to a prefix, which take effect completely or not at all, and what they leave behind."""

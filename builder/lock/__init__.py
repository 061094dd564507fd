"""The wheels that a lockfile provides for a target, and those that are missing."""

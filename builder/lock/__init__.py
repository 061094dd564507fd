"""Which wheels a lock gives a target, and which it lacks."""

"""Running other programs, and being asked to end."""

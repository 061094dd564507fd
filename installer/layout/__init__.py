"""What lies where in a prefix, whose it must be, and what is being done to it."""

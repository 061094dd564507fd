"""Tells whether this host can run the application, and what to do where it can't."""

"""Checks whether this host can run the application, and suggests fixes if it cannot."""

"""Checks whether this host can run the application, and says what to do where it cannot."""

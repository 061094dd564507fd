"""Can this host run the application, and what to do where it cannot."""

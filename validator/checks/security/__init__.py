"""Checks for tampering by other users, and for permissions that would allow it."""

"""Checks for tampering and permissions that allow it, for exposed secrets, and for known vulnerabilities."""

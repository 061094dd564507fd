"""Checks of the host: what it is, and what it leaves of itself to a process."""

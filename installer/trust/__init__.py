"""Whom this host trusts, and what it remembers of what it has accepted."""

"""Doing what was planned: what is whole is reused, the rest is made, and what was made is tried."""

"""Doing what was planned: what is whole is taken over, the rest is made, and what was made is tried."""

"""Repairs an installation from what is on the host: findings, a plan of remedies, a new release."""

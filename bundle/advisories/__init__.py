"""Offline detection of known vulnerabilities; builder and host read the same snapshot with the same code."""

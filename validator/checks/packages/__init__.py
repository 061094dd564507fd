"""Checks of the installed packages."""

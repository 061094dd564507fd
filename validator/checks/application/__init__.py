"""Checks of the application itself, based on the start commands, probes and settings in its profile."""

"""Embedded programs: uv, and programs for the application's own Python, which use only the standard library."""

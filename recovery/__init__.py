"""Repair an installation from the files on the host: the entry points are here, and each stage has its own package."""

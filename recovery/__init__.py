"""Repair an installation from files on the host or a bundle; the entry points are here, each stage is a package."""

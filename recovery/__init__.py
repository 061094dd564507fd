"""Repair an installation from the files on the host: entry points here, each stage in a package of its own."""

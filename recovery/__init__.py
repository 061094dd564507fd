"""Repairs an installation from what is on the host: its stories stand here, each stage is a room."""

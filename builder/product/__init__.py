"""The product of a build: its name and version, and its profile where there is no project table."""

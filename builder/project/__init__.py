"""The application's project: its pyproject.toml, its profile and what both state."""

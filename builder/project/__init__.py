"""The application's project: its pyproject.toml, its profile and its source files."""

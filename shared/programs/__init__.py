"""Programs that are embedded: uv, and those that run in the application's own Python, standard library only."""

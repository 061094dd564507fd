"""Programs that we bring: uv, and those that run in the application's own Python, standard library only."""

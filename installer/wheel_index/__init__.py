"""A bundle's wheels as a package index of static files, for pip and uv inside the closed network."""

"""The application's environment: installing stored wheels with uv, all at once or while the rest is being verified."""

"""The entry point of the zipapp and the typed API; no other shipped package imports it."""

"""Wheels and other files that hosts get as they are: fetched, built from source, attested."""

"""Runs parts of an installed release to test them."""

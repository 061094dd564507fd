"""Lazy imports: the program that a release's own interpreter runs to compile an application."""

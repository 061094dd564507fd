"""Imports at first use: what the release's own interpreter runs to compile an application so."""

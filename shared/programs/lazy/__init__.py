"""Imports at first use: the program with which the release's own interpreter compiles an application."""

"""The JSON Schemas of everything that the command lines print as JSON (draft 2020-12).

What the formats describe by their fields is taken from there; a test runs every command and compares.
"""

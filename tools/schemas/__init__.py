"""The JSON Schemas (draft 2020-12) of the JSON output of all commands.

Schemas of ``strict.Value`` classes are derived from their fields; a test runs every command and validates its output.
"""

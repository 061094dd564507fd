"""Talking to the person who typed a command: results, progress, columns, the command line that all share."""

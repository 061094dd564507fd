"""The user interface on a terminal: results, progress, columns, and the shared parts of all command lines."""

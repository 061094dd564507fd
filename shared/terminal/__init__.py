"""The terminal user interface: results, progress, columns, and what all command-line programs share."""

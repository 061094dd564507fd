"""What many installations say of themselves: signed statements, who may make them, and one table of all; no network."""

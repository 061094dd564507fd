"""Checks of the application itself, as its profile says it is started, asked and configured."""

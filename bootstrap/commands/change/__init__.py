"""Commands that change an installation."""

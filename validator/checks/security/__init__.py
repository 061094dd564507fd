"""Checks of what others could have done, or could do."""

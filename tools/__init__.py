"""Programs for contributors, not part of any bundle."""

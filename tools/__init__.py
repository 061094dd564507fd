"""Programs for contributors; nothing here ships."""

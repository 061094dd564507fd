"""The zipapp: its wheels merged, its translations compiled, its bytes the same each time."""

"""The project that is built from: its tables, its profile, its source."""

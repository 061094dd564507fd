"""The format that builder and host share, as values and strict readers; nothing here knows of an installation."""

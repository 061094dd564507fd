"""Programs that call scanners of the tools environment, run as text (shared/scripts.py): each stands alone."""

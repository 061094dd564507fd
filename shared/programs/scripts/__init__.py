"""Programs that another process runs, as text (shared/scripts.py): each stands alone, on the standard library."""

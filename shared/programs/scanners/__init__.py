"""Self-contained programs that call scanners, run as text in their environment (shared/processes/scripts.py)."""

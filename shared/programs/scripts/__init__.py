"""Self-contained programs that other processes run as text (shared/processes/scripts.py), standard library only."""

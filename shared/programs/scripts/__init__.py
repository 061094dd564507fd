"""Programs that other processes run as text (shared/processes/scripts.py): each stands alone, standard library only."""

"""Installation commands, one per module: install, repeat, upgrade, roll back, uninstall, and the checks before them."""

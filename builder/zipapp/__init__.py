"""Build the installer's zipapp reproducibly, with its merged wheels and compiled translations."""

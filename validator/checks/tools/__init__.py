"""Checks of the programs beside the application: uv, OpenSSH, package managers."""

"""Checks of programs other than the application: uv, OpenSSH, package managers."""

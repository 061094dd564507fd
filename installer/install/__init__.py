"""The ways of an installation, each a story: install, again, upgrade, uninstall, and what is inspected before."""

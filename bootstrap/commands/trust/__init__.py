"""Commands about whom and what this host believes: policies and advisories."""

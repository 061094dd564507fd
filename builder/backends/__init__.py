"""Building a wheel with a project's own backend: its tree, its build requirements, and the enclosure it runs in."""

"""Conditions of hosts, declared once: tests try each, docs/hosts.md lists them, a fuzz combines them."""

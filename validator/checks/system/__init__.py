"""Checks of the host: its properties, and the resources that a process can use."""

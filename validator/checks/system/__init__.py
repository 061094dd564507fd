"""Checks of the host: its properties, and the resources that it leaves to a process."""

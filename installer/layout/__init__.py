"""The layout of a prefix: its files and folders, their owners and rights, and the change that is in progress."""

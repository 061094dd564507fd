"""The layout of a prefix: its files and folders, their owners and permissions, and the change that is in progress."""

"""The location of an installation: permitted paths and owners, the prefix that a command uses, the tool's command."""

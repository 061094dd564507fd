"""The application in a bundle: its commands, its settings, the weights of its models."""

"""What a bundle says of the application in it: its commands, its settings, the weights of its models."""

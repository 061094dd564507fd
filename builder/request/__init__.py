"""What one build was asked for, when, from which state of its source, and what it has gathered."""

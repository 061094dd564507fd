"""What is known of a vulnerability beside its advisory: whether it is exploited, and how probably it will be."""

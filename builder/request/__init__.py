"""A build request: its options, time and counter, the state of its source, and the collected inputs."""

"""Running other programs, and handling termination signals."""

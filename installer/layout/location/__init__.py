"""Where an installation may lie and whose that must be, which one a command means, and how the tool is called there."""

"""What this host has beside its operating system: the instructions of its processor, an accelerator and its driver."""

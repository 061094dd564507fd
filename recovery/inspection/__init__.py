"""What is wrong with an installation, and what of it is proved to be whole; nothing is changed here."""

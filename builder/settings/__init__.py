"""What an application's source says without being run: the settings that it reads, the names that it imports."""

"""What an application's source tells without being run: the settings that it reads, the names that it imports."""

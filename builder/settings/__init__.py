"""Static analysis of an application's source: the settings that it reads and the modules that it imports."""

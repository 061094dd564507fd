"""The engine of the closed host: one room a subject, each importing only those below it."""

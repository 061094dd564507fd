"""Checks that judge the installed packages once more, by other code than the matcher's."""

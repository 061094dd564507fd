"""The kinds of files that lock the packages of a bundle, each read into the same form."""

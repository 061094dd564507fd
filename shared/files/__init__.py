"""Files, folders and locks of this host: written to last, read and walked without harm, and whose they are."""

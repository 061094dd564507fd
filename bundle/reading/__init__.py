"""Reading the files of a bundle: from its archive or an unpacked folder, whole or without what a delta leaves out."""

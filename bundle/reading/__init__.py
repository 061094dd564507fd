"""Reading the files of a bundle from its archive or an unpacked folder; the bundle is full or a delta."""

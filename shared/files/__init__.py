"""Files, folders and locks of this host: durable writes, safe reads and walks, and ownership."""

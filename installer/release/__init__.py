"""One installed tree: how it is built, tried out, sealed, told from what was signed, and started."""

"""One installed tree: how it is built, tried out, sealed, compared with what was signed, and started."""

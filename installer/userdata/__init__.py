"""The user's settings and data: backups, copies, the exchange of the data, and the links from a release to them."""

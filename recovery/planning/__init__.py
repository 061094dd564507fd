"""Which remedies repair what was found, what of the release is built anew, and from what; nothing is changed here."""

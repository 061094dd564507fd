"""The roof: what the zipapp starts, and the tool as typed functions; nothing that ships imports it."""

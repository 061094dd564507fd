"""The commands of the zipapp, each parsing, making one call and rendering; here is what they share."""

"""What the application uses of this host, as samples and as metrics."""

"""Resource usage of the application on this host, as samples and as metrics."""

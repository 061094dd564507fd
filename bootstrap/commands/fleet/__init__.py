"""Commands about many hosts: the statement of this one, and the table of all."""

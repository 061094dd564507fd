"""How an application is started: what its files show, what --run specifies, and the profile that is written of both."""

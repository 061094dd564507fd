"""How an application is started: what its files show, what --run says, and the profile that is written of both."""

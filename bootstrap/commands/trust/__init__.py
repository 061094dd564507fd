"""Commands about the trust policy and the advisories of this host."""

"""What earlier snapshots knew: advisories that a later one lessened go on counting on a host."""

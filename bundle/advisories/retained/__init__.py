"""What earlier snapshots knew: advisories that a later one lessened still apply on a host."""

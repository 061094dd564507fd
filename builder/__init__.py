"""The connected side: from a uv-locked project to a signed bundle and its zipapp."""

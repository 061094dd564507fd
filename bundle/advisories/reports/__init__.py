"""What a scan found, in words for people and as SARIF for other tools."""

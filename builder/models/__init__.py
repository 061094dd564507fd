"""Models: reading or fetching their files, checking that they are complete, and probe embeddings."""

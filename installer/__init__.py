"""The installer on an air-gapped host: one package per subject; each imports only those below it."""

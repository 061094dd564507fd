"""The installer on an air-gapped host: one package per subject, in layers (pyproject.toml, import-linter)."""

"""Embeddings: a local model, which is loaded when it is first asked, and those of services."""

import json
from pathlib import Path


class Local:
    def __init__(self, folder):
        self.folder, self.weights = folder, None

    def embed(self, text):
        if self.weights is None:
            self.weights = json.loads((Path(self.folder) / "weights.json").read_text(encoding="utf-8"))
        values = [weight * (len(text) + number) for number, weight in enumerate(self.weights)]
        norm = sum(value * value for value in values) ** 0.5
        return [value / norm for value in values]


class Online:
    def __init__(self, kind):
        self.kind = kind

    def embed(self, text):
        raise ConnectionError(f"{self.kind} is a service")

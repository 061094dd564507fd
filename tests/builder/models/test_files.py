from __future__ import annotations

import pytest

from builder.models.files import choose_files
from builder.project.model_source import ModelSource
from shared.errors import BuildError
from shared.terminal.progress import NoProgress


class Steps(NoProgress):
    def __init__(self):
        self.steps = []

    def step(self, text):
        self.steps.append(text)


def chosen(*paths, include=(), exclude=()):
    reported = Steps()
    return choose_files(paths, ModelSource("bge", None, tuple(include), tuple(exclude)), reported), reported.steps


WEIGHTS = ("model.safetensors", "pytorch_model.bin", "pytorch_model.bin.index.json", "colbert_linear.pt")


def test_pickled_weights_are_left_out_where_safetensors_has_the_same():
    files, reported = chosen(*WEIGHTS, "2_Dense/pytorch_model.bin")
    assert files == ["2_Dense/pytorch_model.bin", "colbert_linear.pt", "model.safetensors"]
    assert reported == [
        "bge: pytorch_model.bin, pytorch_model.bin.index.json omitted; the same weights are available as safetensors"
    ]
    sharded = ("model.safetensors.index.json", "model-00001-of-00002.safetensors", "pytorch_model-00001-of-00002.bin")
    assert chosen(*sharded)[0] == ["model-00001-of-00002.safetensors", "model.safetensors.index.json"]


def test_pickled_weights_alone_and_those_that_are_asked_for_travel():
    assert chosen("pytorch_model.bin", "config.json") == (["config.json", "pytorch_model.bin"], [])
    assert chosen(*WEIGHTS, include=["*.bin"])[0] == ["pytorch_model.bin"]


def test_licence_and_card_travel_whatever_is_included_unless_they_are_excluded():
    texts = ("LICENSE", "README.md", "NOTICE.txt", "onnx/README.md")
    assert chosen("a.json", "b.bin", *texts, include=["a.json"])[0] == [
        "LICENSE",
        "NOTICE.txt",
        "README.md",
        "a.json",
    ]
    assert chosen("a.json", *texts, include=["a.json"], exclude=["NOTICE*"])[0] == [
        "LICENSE",
        "README.md",
        "a.json",
    ]


def test_a_model_of_documents_alone_is_none():
    with pytest.raises(BuildError, match="has no files that"):
        chosen("LICENSE", "a.bin", include=["*.json"])

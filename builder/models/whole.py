"""Check that a model has the files that an application opens according to the model's own documents.

The rules are those of sentence-transformers (modules.json) and transformers (config.json, *.index.json).
A model with another layout has none of these documents and is accepted without this check.
"""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from bundle.product import weights
from shared.errors import BuildError
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

DOCUMENT_LIMIT = 64 << 20  # bytes; the index of a model with thousands of tensors is about 1 MB
POINTER, POINTER_LIMIT = b"version https://git-lfs.github.com/spec/", 1024  # bytes; a Git LFS pointer
WEIGHTS = tuple(f"*{suffix}" for suffix in weights.WEIGHTS)
EXPORTS = ("onnx/*.onnx", "*.onnx", "openvino/*.xml")  # weights for other runtimes
VOCABULARIES = ("tokenizer.json", "*.model", "vocab*", "*.tiktoken", "*.vocab", "*.spm")
WITHOUT_VOCABULARY = ("ByT5Tokenizer", "CanineTokenizer", "PerceiverTokenizer")  # they work on bytes or characters
# the files other than weights that a module of sentence-transformers opens; by default, config.json
OPENED = {
    "Normalize": (),
    "StaticEmbedding": ("tokenizer.json",),
    "WordEmbeddings": ("wordembedding_config.json",),
    "CNN": ("cnn_config.json",),
    "LSTM": ("lstm_config.json",),
}
WITH_WEIGHTS = (
    *("Transformer", "CLIPModel", "StaticEmbedding", "WordEmbeddings"),
    *("Dense", "LayerNorm", "CNN", "LSTM", "WeightedLayerPooling"),
)


def require_whole(name: str, files: Mapping[str, Path]) -> None:
    """Raise BuildError if a model lacks a file that its own documents require, or has a damaged file or LFS pointer.

    ``files`` maps each path in the bundled model to its location on this machine.
    """
    for path, place in files.items():
        if place.stat().st_size < POINTER_LIMIT and place.read_bytes().startswith(POINTER):
            raise BuildError(
                _("{file} of model {model} is a Git LFS pointer, not the file.").format(file=path, model=name),
                advice=_("Run `git lfs pull` in the model's folder, then build again."),
            )
        fault = weights.fault(path, place)
        if fault is None and not place.stat().st_size and _any(path.rpartition("/")[0], VOCABULARIES, {path: place}):
            fault = _("it is empty")
        if fault:
            raise BuildError(
                _("{file} of model {model} is damaged: {reason}.").format(file=path, model=name, reason=fault),
                advice=_("Copy or download this file again, or exclude it if the application does not need it."),
            )
    for lacking, because in _lacking(name, files):
        raise BuildError(
            _("Model {model} has no {file}, which the application opens according to {because}.").format(
                model=name, file=lacking, because=because
            ),
            advice=_(
                "Copy the complete model again; if the file exists, include it: include and exclude in the "
                "profile select the files of a model."
            ),
        )


def _lacking(name: str, files: Mapping[str, Path]) -> Iterator[tuple[str, str]]:
    """Yield each missing file with the document that requires it."""
    for path in sorted(files):
        folder, _slash, file = path.rpartition("/")
        if file.endswith(".index.json"):
            shards = set(_texts(_document(name, path, files).get("weight_map")))
            yield from ((shard, path) for shard in _absent(folder, sorted(shards), files))
        elif file == "config.json":
            yield from ((lacking, path) for lacking in _of_config(folder, _document(name, path, files), files))
        elif file == "tokenizer_config.json" and not _any(folder, VOCABULARIES, files):
            document = _document(name, path, files)
            if document.get("tokenizer_class") not in WITHOUT_VOCABULARY and "auto_map" not in document:
                yield _inside(folder, "tokenizer.json"), path
    if "modules.json" in files:
        for module in _document(name, "modules.json", files, kind=list):
            yield from ((file, "modules.json") for file in _of_module(module, files))


def _of_config(folder: str, document: dict[str, Any], files: Mapping[str, Path]) -> Iterator[str]:
    """Yield the missing files of a transformers model: its code, and its weights if they exist in no known form."""
    modules = {f"{text.partition('.')[0]}.py" for text in _texts(document.get("auto_map")) if "--" not in text}
    yield from _absent(folder, sorted(modules), files)
    if document.get("architectures") and not folder and not _any(folder, (*WEIGHTS, *EXPORTS), files):
        yield _inside(folder, "model.safetensors")


def _of_module(module: Any, files: Mapping[str, Path]) -> Iterator[str]:
    """Yield the missing files of a sentence-transformers module."""
    folder, kind = str(module.get("path") or ""), str(module.get("type", "")).rpartition(".")[2]
    yield from _absent(folder, OPENED.get(kind, ("config.json",)), files)
    if kind in WITH_WEIGHTS and not _any(folder, (*WEIGHTS, *EXPORTS), files):
        yield _inside(folder, "model.safetensors")


def _document(name: str, path: str, files: Mapping[str, Path], kind: type[Any] = dict) -> Any:
    """Return a JSON document of the model. Raises BuildError if it is invalid or has an unexpected structure."""
    try:
        with files[path].open("rb") as file:
            value = json.loads(file.read(DOCUMENT_LIMIT))
        if isinstance(value, kind) and (kind is dict or all(isinstance(item, dict) for item in value)):
            return value
        reason = _("unexpected structure")
    except (ValueError, RecursionError) as error:
        reason = str(error)[:200]
    raise BuildError(
        _("{file} of model {model} cannot be read: {reason}.").format(file=path, model=name, reason=reason),
        advice=_("Copy the complete model again."),
    )


def _texts(value: Any) -> Iterator[str]:
    """Yield every string in a JSON value, including nested ones."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)


def _inside(folder: str, file: str) -> str:
    return f"{folder}/{file}" if folder else file


def _absent(folder: str, wanted: Iterable[Any], files: Mapping[str, Path]) -> Iterator[str]:
    yield from (path for path in (_inside(folder, str(file)) for file in wanted) if path not in files)


def _any(folder: str, patterns: Iterable[str], files: Mapping[str, Path]) -> bool:
    """Return whether a folder has a file that matches one of these patterns."""
    wanted = [_inside(folder, pattern) for pattern in patterns]
    return any(
        fnmatchcase(path, pattern) and path.count("/") == pattern.count("/") for path in files for pattern in wanted
    )

"""The models of a profile: their sources, and the probes that test them once installed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from builder.project.toml_file import fields_with
from bundle import names, strict
from bundle.strict import Fields, refuse
from shared.i18n import _

if TYPE_CHECKING:
    from pathlib import Path

TOLERANCE = 1e-3  # per component of a unit vector; float32 sums differ by 1e-6 between CPUs
EMBEDDING_LIMIT = 1 << 20  # bytes of a probe's embedding file
_HUB_SOURCE = re.compile(r"hf:[\w.-]+/[\w.-]+@[\w./-]+", re.ASCII)
_MODEL: dict[str, Any] = {"source": None, "include": [], "exclude": [], "probe": None}
_PROBE: dict[str, Any] = {
    "embedding_file": None,
    "record": False,
    "dimension": None,
    "normalised": False,
    "tolerance": TOLERANCE,
    "batch": [],
}


@dataclass(frozen=True)
class ProbeSource:
    """A sentence that the installed model must embed, and the launcher command that embeds it.

    The sentence is appended to the command, which prints a JSON list. ``embedding`` is None if the profile has
    none: with ``record`` the builder computes it, else only ``dimension`` and ``normalised`` are compared.
    Each component may differ by ``tolerance``. ``batch`` is a command that embeds several sentences at once.
    """

    command: tuple[str, ...]
    sentence: str
    embedding: tuple[float, ...] | None
    tolerance: float
    batch: tuple[str, ...] = ()
    record: bool = False
    dimension: int | None = None
    normalised: bool = False


@dataclass(frozen=True)
class ModelSource:
    """A model to bundle.

    ``source`` is ``hf:ORG/NAME@REVISION``, ``path:FOLDER`` (absolute), or None if it must be given on the
    command line. ``include`` (empty: all) and ``exclude`` are patterns that must match the complete path of a file in
    the model; ``*`` matches ``/`` too, and a final ``/`` matches everything in a folder.
    """

    name: str
    source: str | None
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    probe: ProbeSource | None = None


def parse_model(value: Any, path: str, folder: Path) -> ModelSource:
    """Parse a model of a profile; relative paths are resolved against ``folder``."""
    fields = fields_with(value, path, _MODEL)
    source = fields.optional_text("source")
    model = ModelSource(
        name=fields.text("name"),
        source=None if source is None else model_source(source, f"{path}.source", folder),
        include=fields.nested("include", strict.texts),
        exclude=fields.nested("exclude", strict.texts),
        probe=fields.optional("probe", lambda item, where: _probe(item, where, folder)),
    )
    fields.done()
    trouble = None if names.PLAIN.fullmatch(model.name) else names.plain_form()
    trouble = trouble or names.problem(model.name)
    if trouble:
        raise refuse(f"{path}.name", trouble)
    return model


def model_source(text: str, path: str, folder: Path) -> str:
    """Validate and return the source of a model; a relative ``path:`` is resolved against ``folder``."""
    kind, _colon, rest = text.partition(":")
    if kind == "path" and rest:
        return f"path:{(folder / rest).resolve()}"
    if kind == "hf" and _HUB_SOURCE.fullmatch(text):
        return text
    raise refuse(path, _("not hf:ORG/NAME@REVISION or path:FOLDER"))


def _probe(value: Any, path: str, folder: Path) -> ProbeSource:
    fields = fields_with(value, path, _PROBE)
    name = fields.optional_text("embedding_file")
    probe = ProbeSource(
        command=fields.nested("command", strict.texts, most=100),
        sentence=fields.text("sentence"),
        embedding=None if name is None else _embedding(folder / name, f"{path}.embedding_file"),
        tolerance=fields.nested("tolerance", strict.number),
        batch=fields.nested("batch", strict.texts, most=100),
        record=fields.nested("record", strict.boolean),
        dimension=fields.nested("dimension", strict.optional, of=partial(strict.integer, least=1, most=100_000)),
        normalised=fields.nested("normalised", strict.boolean),
    )
    fields.done()
    if not probe.command:
        raise refuse(f"{path}.command", _("not a command"))
    if probe.embedding is not None and probe.record:
        raise refuse(f"{path}.record", _("embedding_file already provides the embedding"))
    if not (probe.embedding or probe.record or probe.dimension):
        raise refuse(path, _("needs embedding_file, record or dimension; otherwise there is nothing to compare with"))
    if not 0 < probe.tolerance < 1:
        raise refuse(f"{path}.tolerance", _("not between {least} and {most}").format(least=0, most=1))
    return probe


def _embedding(file: Path, path: str) -> tuple[float, ...]:
    try:
        data = file.read_bytes()
    except OSError as error:
        raise refuse(path, _("{file} cannot be read").format(file=file)) from error
    fields = Fields({"embedding": strict.loads(data, path, limit=EMBEDDING_LIMIT)}, path)
    embedding = fields.items("embedding", _component, most=100_000)
    if not embedding:
        raise refuse(path, _("empty"))
    return embedding


def _component(value: Any, path: str) -> float:
    return Fields({"value": value}, path).nested("value", strict.number)

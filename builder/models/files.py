"""Choose which files of a model to bundle.

These are the files that match the patterns, safetensors rather than pickles, plus license files and the model card
unless they are excluded.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from bundle import names
from bundle.manifest import MODELS
from shared.errors import BuildError
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from builder.project.model_source import ModelSource
    from shared.terminal.progress import Progress

SKIPPED = frozenset({".cache", ".git"})  # folders of download tools, not part of the model
DOCUMENTS = ("license*", "licence*", "notice*", "copying*", "readme.md", "modelcard.md")  # top level, any case
# transformers saves the same weights under either name, and loads safetensors if both exist
SAFE, UNSAFE = ("model.safetensors", "model.safetensors.index.json"), "pytorch_model*.bin*"


def choose_files(paths: Iterable[str], source: ModelSource, progress: Progress) -> list[str]:
    """Return the paths of a model to bundle, sorted. Raises BuildError if there are none, or one cannot be bundled."""
    name, include, exclude = source.name, source.include, source.exclude
    usable = [path for path in sorted(paths) if SKIPPED.isdisjoint(path.split("/")[:-1])]
    for pattern in (*include, *exclude):
        if not any(_matches(path, [pattern]) for path in usable):
            progress.warn(
                _("no file of model {model} matches the pattern {pattern}").format(model=name, pattern=pattern)
            )
    chosen = [path for path in usable if (not include or _matches(path, include)) and not _matches(path, exclude)]
    if not chosen:
        raise BuildError(
            _("Model {name} has no files that its include and exclude patterns select.").format(name=name),
            advice=_("Check the model's source, and its include and exclude patterns."),
        )
    chosen += [path for path in usable if _is_document(path) and path not in chosen and not _matches(path, exclude)]
    if not include:
        chosen = _without_pickled_doubles(chosen, name, progress)
    _check_names(sorted(chosen), name)
    return sorted(chosen)


def _is_document(path: str) -> bool:
    return any(fnmatchcase(path.lower(), pattern) for pattern in DOCUMENTS) and "/" not in path


def _without_pickled_doubles(chosen: Sequence[str], name: str, progress: Progress) -> list[str]:
    """Return the paths, omitting pickled weights where the same folder has them as safetensors.

    Not used with ``include`` patterns, which may select both on purpose.
    """
    safe = {path.rpartition("/")[0] for path in chosen if path.rpartition("/")[2] in SAFE}
    left = [path for path in chosen if path.rpartition("/")[0] in safe and fnmatchcase(path.rpartition("/")[2], UNSAFE)]
    if left:
        progress.step(
            _("{model}: {files} omitted; the same weights are available as safetensors").format(
                model=name, files=", ".join(left)
            )
        )
    return [path for path in chosen if path not in left]


def _check_names(chosen: Sequence[str], name: str) -> None:
    for path in chosen:
        trouble = names.problem(f"{MODELS}/{name}/{path}")
        if trouble:
            raise BuildError(
                _("Model {name} has a file that cannot be bundled: {file}: {reason}.").format(
                    name=name, file=ascii(path), reason=trouble
                ),
                advice=_("Rename it, or exclude it."),
            )
    clash = names.collision(chosen)
    if clash:
        raise BuildError(
            _("Model {name} has files that collide on some hosts: {first} and {second}.").format(
                name=name, first=clash[0], second=clash[1]
            ),
            advice=_("Rename or exclude one of them."),
        )


def _matches(path: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(path, f"{pattern}*" if pattern.endswith("/") else pattern) for pattern in patterns)

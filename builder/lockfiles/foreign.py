"""Lockfiles of other tools, recognised by name, and the command that converts each without changing versions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.errors import BuildError
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# each writes pylock.toml with the versions and digests of the other lockfile, and resolves nothing
CONVERTED: dict[str, Callable[[], str]] = {
    "poetry.lock": lambda: _(
        "Convert it with `poetry export -f pylock.toml -o pylock.toml` (poetry-plugin-export), and specify --lock "
        "pylock.toml; no version changes."
    ),
    "pdm.lock": lambda: _(
        "Convert it with `pdm export -f pylock -o pylock.toml`, and specify --lock pylock.toml; no version changes."
    ),
    "Pipfile.lock": lambda: _(
        "Convert it with `pipenv requirements --hash > requirements.txt`, and specify --lock requirements.txt; no "
        "version changes."
    ),
}
UNLOCKED = (
    "setup.py",
    "setup.cfg",
    "Pipfile",
    "environment.yml",
    "conda-lock.yml",
)  # of projects without pyproject.toml


def require_uv_lock(root: Path) -> None:
    """Raise BuildError if a project has no uv.lock but the lockfile of another tool, with the way to use that one."""
    if (root / "uv.lock").is_file():
        return
    for name in CONVERTED:
        if (root / name).is_file():
            raise unsupported(root / name)
    for name in sorted({path.name for path in root.glob("requirements*.txt")}):
        raise BuildError(
            _("{folder} has {file}, but no uv.lock.").format(folder=root, file=name),
            advice=_(
                "Specify --lock {file} if each of its requirements has a version and a digest; else run `uv lock`."
            ).format(file=name),
        )
    found = next((name for name in UNLOCKED if (root / name).is_file()), None)
    if found and not (root / "pyproject.toml").is_file():
        raise BuildError(
            _("{folder} has {file}, but neither pyproject.toml nor a lockfile.").format(folder=root, file=found),
            advice=_(
                "Write its requirements to requirements.in, run `uv pip compile --universal --generate-hashes "
                "requirements.in -o requirements.txt`, and specify --lock requirements.txt."
            ),
        )


def unsupported(path: Path) -> BuildError:
    """Return the error for the lockfile of another tool."""
    return BuildError(
        _("{folder} has {file}, but no uv.lock.").format(folder=path.parent, file=path.name),
        advice=CONVERTED[path.name](),
    )

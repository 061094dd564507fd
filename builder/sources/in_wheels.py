"""The project's own wheels may not contain what its source may not: env files and secrets.

A backend decides what a wheel contains, so a file that is left out of the source may be in the wheel.
"""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

from builder.sources.patterns import matches
from builder.sources.secrets import find_secret_in, is_env_file
from shared.errors import BuildError
from shared.files.zips import BROKEN, readable
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def require_clean(path: Path, filename: str, allowed: Sequence[str]) -> None:
    """Raise BuildError, with every such file, if a wheel contains an env file or a secret.

    ``allowed`` are the patterns of the profile for files that only look like it, in the source or in the wheel.
    """
    try:
        with readable(path), zipfile.ZipFile(path) as wheel:
            names = [
                name for name in wheel.namelist() if not any(matches(one, allowed) for one in (name, f"src/{name}"))
            ]
            found = [(name, _trouble(wheel, name)) for name in names]
    except BROKEN as error:
        raise BuildError(
            _("{file} is not a readable wheel: {reason}.").format(file=filename, reason=str(error).splitlines()[0]),
            advice=_("Build the wheel again, and specify it with --wheel if that happens elsewhere."),
        ) from error
    sentences = [
        _("{wheel}, which is built from the project, contains {file}: {reason}.").format(
            wheel=filename, file=name, reason=reason
        )
        for name, reason in found
        if reason
    ]
    if sentences:
        raise BuildError(
            *sentences,
            advice=_(
                "Remove it from the project or from what its backend packs; add a file that only looks like one to "
                "source.allow_secrets in the profile."
            ),
        )


def _trouble(wheel: zipfile.ZipFile, name: str) -> str | None:
    if is_env_file(name):
        return _("machine-specific settings")
    with wheel.open(name) as stream:
        secret = find_secret_in(stream)
    return _("contains a secret ({kind})").format(kind=secret.kind) if secret else None

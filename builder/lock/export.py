"""Export a project's lockfile with uv, shielded from environment variables that could change the result."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import tomllib
from packaging.pylock import Pylock, PylockUnsupportedVersionError, PylockValidationError
from packaging.specifiers import SpecifierSet

from builder.lock.folders import needs_in
from builder.lock.refusals import EXCLUDED, refusal
from builder.lock.stand_in import fitting, stand_in
from shared.errors import BuildError
from shared.files import temp_folders
from shared.i18n import _
from shared.processes import process
from shared.programs.uv import base_interpreter

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

EXPORT = ("export", "--offline", "--format", "pylock.toml")
FROZEN = ("--frozen",)  # the lockfile is not compared with the project
WITHOUT_DEV = ("--no-dev",)
EXPORT_TIME_LIMIT = 300.0  # seconds
# The variables that are passed to uv: paths, network access and credentials.
# No other UV_* variable (indexes, resolution, Python, groups) may change a locked result.
_PASSED = re.compile(
    r"""(?ix) PATH | PATHEXT | HOME | USER | LOGNAME | USERPROFILE | SYSTEMROOT | SYSTEMDRIVE | WINDIR | COMSPEC
    | APPDATA | LOCALAPPDATA | PROGRAMDATA | PROGRAMFILES.* | TMP | TEMP | TMPDIR | XDG_.* | LANG | LC_.*
    | (ALL|HTTP|HTTPS|NO)_PROXY | SSL_CERT_(FILE|DIR) | SSL_CLIENT_CERT | NETRC | PYENV_ROOT | PYENV_VERSION
    | UV_INDEX_.+_(USERNAME|PASSWORD) | UV_KEYRING_PROVIDER | UV_CREDENTIALS_DIR | UV_NATIVE_TLS | UV_SYSTEM_CERTS
    | UV_CACHE_DIR | UV_PYTHON_INSTALL_DIR"""
)


def uv_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of an environment that uv may see while it reads a lockfile.

    The running interpreter is appended to PATH: uv searches PATH for one, and a service may have no PATH.
    """
    passed = {name: value for name, value in environ.items() if _PASSED.fullmatch(name)}
    folders = (environ.get("PATH") or os.defpath).split(os.pathsep)
    path = os.pathsep.join(
        [*(real for folder in folders for real in _without_shims(folder)), str(base_interpreter().parent)]
    )
    return {**passed, "PATH": path, "UV_PYTHON_DOWNLOADS": "never", "NO_COLOR": "1"}


def _without_shims(folder: str) -> list[str]:
    """Return a folder of PATH or, for shims of pyenv, asdf or mise, the folders of the interpreters behind them.

    uv gives up at the first shim that does not run, such as that of a version that is installed but not selected.
    """
    place = Path(folder)
    if place.name != "shims":
        return [folder]
    behind = {*place.parent.glob("versions/*/bin"), *place.parent.glob("installs/python/*/bin")}
    return [folder] if not behind else [str(path) for path in sorted(behind)]


def read_pylock(root: Path, options: Sequence[str] = WITHOUT_DEV) -> Pylock:
    """Return the pylock.toml that uv exports from a project's lockfile.

    ``options`` select its dependency groups and extras. Raises BuildError as ``read_export`` does, and if the project
    or its lockfile is missing.
    """
    for file, advice in (
        ("pyproject.toml", _("Specify the project folder with --project-root.")),
        ("uv.lock", _("Run `uv lock` in {folder} and commit the result.").format(folder=root)),
    ):
        if not (root / file).is_file():
            raise BuildError(_("{folder} has no {file}.").format(folder=root, file=file), advice=advice)
    return read_export(root / "uv.lock", options)


def read_export(lock: Path, options: Sequence[str]) -> Pylock:
    """Return the pylock.toml (PEP 751) that uv exports from a lockfile of its own, a project's or a script's.

    A lockfile with packages whose requirements only their backend can determine is read as it is
    (builder/lock/folders.py). Raises BuildError if uv rejects the lockfile, or if the output is not a valid
    pylock.toml.
    """
    import uv

    given = FROZEN[0] in options
    mode = () if given else FROZEN if needs_in(lock) else ("--locked",)
    done = _run([uv.find_uv_bin(), *EXPORT, *mode, *options], lock.parent)
    if not done.ok:
        raise refusal(lock, done)
    return parse_export(lock, done.stdout)


def parse_export(lock: Path, text: str) -> Pylock:
    """Return what uv wrote for a lockfile. Raises BuildError if that is not a valid pylock.toml."""
    if len(text.encode()) >= process.OUTPUT_LIMIT:
        raise BuildError(_("{lock} is too large to read.").format(lock=lock))
    try:
        return Pylock.from_dict(tomllib.loads(text))
    except (tomllib.TOMLDecodeError, PylockValidationError, PylockUnsupportedVersionError) as error:
        raise BuildError(
            _("The uv export of {lock} is not a valid pylock.toml: {reason}.").format(lock=lock, reason=error),
            advice=_("Run `uv lock` with a current uv and build again."),
        ) from error


def _run(argv: Sequence[str], root: Path) -> process.Completed:
    """Run uv in a project with the builder's own interpreter, which the project's choice of another cannot replace.

    uv is called again with a stand-in if requires-python excludes the builder's version.
    """

    def run(python: Path) -> process.Completed:
        call = [*argv, "--python", str(python)]
        return process.run(call, env=uv_environment(os.environ), cwd=root, timeout=EXPORT_TIME_LIMIT)

    done = run(base_interpreter())
    excluded = re.search(EXCLUDED, done.stderr)
    version = fitting(SpecifierSet(excluded[1])) if excluded else None
    if version is None or os.name != "posix":
        return done
    with temp_folders.scratch() as folder:
        again = run(stand_in(version, folder))
    # where programs may not run from the folder of temporary files, the first answer says more
    return done if "Failed to inspect" in again.stderr or re.search(EXCLUDED, again.stderr) else again

"""uv, called so that the host's settings cannot affect its results.

It runs by absolute path, with its own environment, no configuration, no index, no build, an empty
private cache on the prefix's filesystem and an empty working folder.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

from shared.errors import HostError, ToolError
from shared.files import files
from shared.i18n import _
from shared.processes import process
from shared.programs import embedded

if TYPE_CHECKING:
    from collections.abc import Sequence

VENV_TIMEOUT, SYNC_TIMEOUT = 300.0, 7200.0  # seconds
PATCH = ("_virtualenv.py", "_virtualenv.pth")  # written by uv venv into environments of CPython before 3.10
# the default is a thread per processor, which may exceed the process limit (shared/limits.py)
THREADS = {"TOKIO_WORKER_THREADS": "4", "RAYON_NUM_THREADS": "8", "UV_CONCURRENT_INSTALLS": "8"}
HASHED = (
    *("--preview-features", "pylock", "--no-index", "--no-build", "--require-hashes"),
    *("--link-mode", "hardlink"),
)
PASSED_NAMES = ("SYSTEMROOT", "WINDIR", "COMSPEC", "NUMBER_OF_PROCESSORS", "LANG", "LC_ALL")


def binary() -> Path:
    """Return this tool's own uv after verifying its bytes; never one in the host's PATH."""
    cache = embedded.launcher()
    if cache is not None:
        return Path(embedded.program(cache, "uv"))
    name = "uv.exe" if sys.platform == "win32" else "uv"
    site = Path(__file__).resolve().parents[2]
    for place in (site / "bin" / name, Path(sysconfig.get_path("scripts"), name)):
        if place.is_file():
            return place
    raise ToolError(
        _("uv is missing from this tool."),
        advice=_("Copy ragtrace-install.pyz again from the medium, or install uv in this Python environment."),
    )


class Uv:
    """uv with a scratch folder, which must be on the filesystem that uv installs to."""

    def __init__(self, scratch: Path) -> None:
        self.program = binary()
        self.cache = scratch / "uv-cache"
        self.empty = scratch / "empty"
        self.empty.mkdir(parents=True, exist_ok=True)

    def _call(self, arguments: Sequence[str], timeout: float) -> process.Completed:
        env = {name: os.environ[name] for name in PASSED_NAMES if name in os.environ}
        env.update(
            HOME=str(self.empty),
            USERPROFILE=str(self.empty),
            APPDATA=str(self.empty),
            LOCALAPPDATA=str(self.empty),
            TMPDIR=str(self.empty.parent),
            TEMP=str(self.empty.parent),
            TMP=str(self.empty.parent),
            PATH="",
            UV_PYTHON_DOWNLOADS="never",
            UV_NO_PROGRESS="1",
            **THREADS,
        )
        argv = [str(self.program), *arguments, "--no-config", "--offline", "--cache-dir", str(self.cache)]
        return process.run(argv, env=env, cwd=self.empty, timeout=timeout)

    def _run(self, arguments: Sequence[str], what: str, timeout: float) -> None:
        process.checked(self._call(arguments, timeout), what)

    def start(self) -> process.Completed:
        """Start uv without any work, which creates its threads and event loop, and return the result."""
        return self._call(["cache", "dir"], VENV_TIMEOUT)

    def venv(self, target: Path, python: Path) -> None:
        """Create a virtual environment whose scripts contain no absolute path."""
        arguments = ["venv", "--no-project", "--relocatable", "--python", str(python), str(target)]
        ended = self._call(arguments, VENV_TIMEOUT)
        if not ended.timed_out and ended.returncode and "distutils" in process.last_line(ended.stderr):
            raise HostError(_("{python} lacks the module distutils.").format(python=python), advice=distutils_advice())
        process.checked(ended, _("uv venv"))
        _remove_patch(target)

    def sync(self, python: Path, pylock: Path) -> None:
        """Make an environment match a pylock.toml of local wheels exactly; hashes are required."""
        self._run(["pip", "sync", *HASHED, "--python", str(python), str(pylock)], _("uv pip sync"), SYNC_TIMEOUT)
        _remove_lock(python)

    def install(self, python: Path, pylock: Path) -> None:
        """Add the local wheels of a pylock.toml to an environment, and nothing else; hashes are required."""
        argv = ["pip", "install", "--no-deps", *HASHED, "--python", str(python), "-r", str(pylock)]
        self._run(argv, _("uv pip install"), SYNC_TIMEOUT)
        _remove_lock(python)

    def resolve(
        self, python: Path, names: Sequence[str], constraints: Sequence[str], wheels: Path
    ) -> list[tuple[str, str]]:
        """Return the names and versions that satisfy the given names, using only the wheels in a folder.

        Raises ToolError if these wheels do not satisfy them.
        """
        wanted, limits = self.empty.parent / "wanted.txt", self.empty.parent / "limits.txt"
        wanted.write_text("".join(f"{name}\n" for name in names), encoding="utf-8")
        limits.write_text("".join(f"{constraint}\n" for constraint in constraints), encoding="utf-8")
        argv = [
            *("pip", "compile", "--no-index", "--no-build", "--no-header", "--no-annotate", "--python", str(python)),
            *("--find-links", str(wheels), "--constraints", str(limits), str(wanted)),
        ]
        try:
            answer = process.checked(self._call(argv, VENV_TIMEOUT), _("uv pip compile"))
        finally:
            wanted.unlink()
            limits.unlink()
        lines = [line.strip() for line in answer.stdout.splitlines() if "==" in line]
        return [(name, version) for name, _equal, version in (line.partition("==") for line in lines)]

    def check(self, python: Path, *, timeout: float = VENV_TIMEOUT) -> process.Completed:
        """Run ``uv pip check`` (dependency conflicts) and return its result."""
        return self._call(["pip", "check", "--python", str(python)], timeout)

    def close(self) -> None:
        """Remove the cache, which only served to create hard links in the environment, and the working folder."""
        files.remove_tree(self.cache)
        files.remove_tree(self.empty)


def distutils_advice() -> str:
    """Return the advice for a CPython 3.9 without distutils in its standard library, such as Debian's."""
    return _("Install the system package python3-distutils, then try again.")


def _remove_patch(environment: Path) -> None:
    """Remove the files that uv adds for CPython 3.9: a .pth patches distutils for builds, which never run here.

    No RECORD lists these files, and an environment contains only the files of its wheels.
    """
    for folder in environment.glob("[Ll]ib*/**/site-packages"):
        for name in PATCH:
            (folder / name).unlink(missing_ok=True)


def _remove_lock(python: Path) -> None:
    """Remove the lock that uv leaves in an environment, because all users can write to it."""
    (python.parent.parent / ".lock").unlink(missing_ok=True)


def base_interpreter() -> Path:
    """Return the interpreter to create environments from: the one running this process, outside any venv.

    The name by which it was started is not resolved further: a link like /opt/python/current was chosen by the user,
    and its target changes.
    """
    path = os.path.abspath(getattr(sys, "_base_executable", None) or sys.executable)
    # before CPython 3.11 that is the environment's own link
    while os.path.islink(path) and os.path.isfile(os.path.join(os.path.dirname(path), os.pardir, "pyvenv.cfg")):
        path = os.path.join(os.path.dirname(path), os.readlink(path))
    return Path(os.path.abspath(path))

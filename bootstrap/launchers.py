"""PREFIX/bin: small fixed scripts that read ``current`` once and start that release's launcher.

They are the same for every release, so activation changes nothing but ``current``.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from bootstrap import app_launcher, files
from bootstrap.bundle import strict

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bootstrap.bundle.manifest import Manifest
    from bootstrap.prefix import Prefix, Release

OWN = "ragtrace"  # the tool's own command: validate, recover, rollback of this prefix

POSIX = """\
#!/bin/sh
# Starts {name} from the current release. Made by ragtrace-install; every release uses it as it is.
here=$0
while [ -L "$here" ]; do
    link=$(readlink "$here")
    case $link in /*) here=$link ;; *) here=$(dirname "$here")/$link ;; esac
done
prefix=$(CDPATH= cd -P -- "$(dirname -- "$here")/.." && pwd) || exit 5
release=$(CDPATH= cd -P -- "$prefix/current" 2>/dev/null && pwd) || {{
    echo "{name}: no release is active in $prefix" >&2
    exit 5
}}
{start}
"""
POSIX_APPLICATION = 'exec "$release/venv/bin/python" -I -B "$release/launch.py" {name} "$@"'
POSIX_OWN = (
    'RAGTRACE_PREFIX=$prefix exec "$(cat "$release/interpreter")" -I -B "$release/bundle/ragtrace-install.pyz" "$@"'
)

# no block in parentheses: a path with ) in it would end it
WINDOWS = """\
@echo off
rem Starts {name} from the current release. Made by ragtrace-install; every release uses it as it is.
setlocal DisableDelayedExpansion
for %%p in ("%~dp0..") do set "RAGTRACE_PREFIX=%%~fp"
set "RAGTRACE_RELEASE="
for /f "usebackq tokens=2 delims=:{{}} " %%r in ("%RAGTRACE_PREFIX%\\current.json") do set "RAGTRACE_RELEASE=%%~r"
if defined RAGTRACE_RELEASE goto start
echo {name}: no release is active in "%RAGTRACE_PREFIX%" 1>&2
exit /b 5
:start
{start}
exit /b %ERRORLEVEL%
"""
WINDOWS_APPLICATION = (
    '"%RAGTRACE_PREFIX%\\releases\\%RAGTRACE_RELEASE%\\venv\\Scripts\\python.exe" -I -B '
    '"%RAGTRACE_PREFIX%\\releases\\%RAGTRACE_RELEASE%\\launch.py" {name} %*'
)
# the file is UTF-8, and cmd reads files in the console's code page
WINDOWS_OWN = (
    'for /f "tokens=2 delims=:." %%c in (\'chcp\') do set "RAGTRACE_CODE_PAGE=%%c"\n'
    "chcp 65001 >nul 2>&1\n"
    'for /f "usebackq delims=" %%i in ("%RAGTRACE_PREFIX%\\releases\\%RAGTRACE_RELEASE%\\interpreter") '
    'do set "RAGTRACE_PYTHON=%%i"\n'
    "chcp %RAGTRACE_CODE_PAGE% >nul 2>&1\n"
    '"%RAGTRACE_PYTHON%" -I -B '
    '"%RAGTRACE_PREFIX%\\releases\\%RAGTRACE_RELEASE%\\bundle\\ragtrace-install.pyz" %*'
)


def script(name: str) -> bytes:
    """Return the script of one launcher for this platform."""
    windows = sys.platform == "win32"
    if windows:
        start = WINDOWS_OWN if name == OWN else WINDOWS_APPLICATION.format(name=name)
        return WINDOWS.format(name=name, start=start).replace("\n", "\r\n").encode("ascii")
    start = POSIX_OWN if name == OWN else POSIX_APPLICATION.format(name=name)
    return POSIX.format(name=name, start=start).encode("ascii")


def scripts(manifest: Manifest) -> dict[str, bytes]:
    """Return file name → content of everything that PREFIX/bin holds for a manifest."""
    suffix = ".cmd" if sys.platform == "win32" else ""
    names = manifest.application.commands
    return {name + suffix: script(name) for name in (*names, *([] if OWN in names else [OWN]))}


def argv(prefix: Prefix, manifest: Manifest, name: str, arguments: Sequence[str]) -> list[str]:
    """Return how a launcher of the active release is called from a program; one that is no command has no script."""
    if name in manifest.application.commands:
        path: Path = prefix.bin / name
        return [str(path.with_name(f"{name}.cmd")) if os.name == "nt" else str(path), *arguments]
    release = prefix.named()
    assert release is not None  # callers have one
    return [str(release.python), "-I", "-B", str(release.launch_file), name, *arguments]


def write(prefix: Prefix, manifest: Manifest) -> None:
    """Make PREFIX/bin hold the launchers of a manifest; others of ours stay until a release lacks them."""
    prefix.bin.mkdir(exist_ok=True)
    for name, content in scripts(manifest).items():
        path = prefix.bin / name
        if not path.is_file() or path.read_bytes() != content or not os.access(path, os.X_OK):
            files.write_atomic(path, content, mode=0o755)


def damaged(prefix: Prefix, manifest: Manifest) -> list[str]:
    """Return the launchers of a manifest that are not in PREFIX/bin as they were written, paths from the prefix."""

    def right(path: Path, content: bytes) -> bool:
        try:
            return not path.is_symlink() and path.read_bytes() == content and os.access(path, os.X_OK)
        except OSError:
            return False

    return [f"bin/{name}" for name, content in scripts(manifest).items() if not right(prefix.bin / name, content)]


def prune(prefix: Prefix, manifest: Manifest | None) -> None:
    """Remove launchers of ours that the active release does not have; all of them when there is none."""
    wanted = scripts(manifest) if manifest else {}
    for path in prefix.bin.iterdir() if prefix.bin.is_dir() else ():
        if path.name not in wanted and path.is_file() and b"Made by ragtrace-install" in path.read_bytes():
            path.unlink()


def write_run_files(release: Release, manifest: Manifest) -> None:
    """Write launch.py and run.json, what the launchers start."""
    with open(app_launcher.__file__, "rb") as file:
        release.launch_file.write_bytes(file.read())
    release.run_file.write_bytes(strict.dumps(run_of(manifest)))


def run_of(manifest: Manifest) -> dict[str, Any]:
    """Return what run.json says: the application's part of the manifest, as launch.py reads it."""
    return manifest.application.to_json()

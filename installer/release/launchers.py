"""The launchers in PREFIX/bin: small fixed scripts that read ``current`` once and start that release's launcher.

They are the same for every release, so activation changes only ``current``. The application never has a command with
the name of the tool's own: bundles with such a command are refused. Installers before that rule named the tool
``ragtrace`` and gave it precedence. A prefix that retains only releases of these installers has their scripts, because
no others can run there. Once it retains a release of a newer installer, ``ragtrace`` may be the application's,
whichever release is active.
"""

from __future__ import annotations

import os
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bundle import strict
from bundle.names import INSTALLER
from bundle.product.commands import PREVIOUS_TOOL, TOOL
from installer.layout.location import own_command
from installer.release import scripts as texts
from shared import reading
from shared.errors import RagtraceError
from shared.files import aside, files
from shared.programs import app_launcher

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bundle.manifest import Manifest
    from installer.layout.prefix import Prefix
    from installer.release.installation import Installation

MADE_BY_US = b"Made by ragtrace-install"
# members of zipapps with the old layout: all have the first, those that support the tool's command also the second
FORMER_LAYOUT, KNOWS_THE_COMMAND = (f"site-packages/bootstrap/{name}" for name in ("launchers.py", "own_command.py"))
COMMAND_FILE = "command"  # in a release whose installer supports the tool's command; the tool's script looks for it


def script(name: str, posix: str, windows: str) -> bytes:
    """Return the script of one command for this platform."""
    text = windows.replace("\n", "\r\n") if sys.platform == "win32" else posix
    return text.replace("@name@", name).replace("@tool@", TOOL).encode("ascii")


def script_of_the_previous_tool() -> bytes:
    """Return the script of the tool as written by the installers that named it ``ragtrace``."""
    return script(PREVIOUS_TOOL, texts.POSIX_PREVIOUS, texts.WINDOWS_PREVIOUS)


def file_name(name: str) -> str:
    """Return the file name of a command in PREFIX/bin."""
    return name + (".cmd" if sys.platform == "win32" else "")


def scripts(prefix: Prefix, manifest: Manifest) -> dict[str, bytes]:
    """Return the contents of the scripts in PREFIX/bin by file name, normally with the tool's command first."""
    found = {file_name(TOOL): script(TOOL, texts.POSIX_TOOL, texts.WINDOWS_TOOL)}
    for name in manifest.application.commands:
        found[file_name(name)] = script(name, texts.POSIX_APPLICATION, texts.WINDOWS_APPLICATION)
    if is_previous(prefix):
        del found[file_name(TOOL)]
        found[file_name(PREVIOUS_TOOL)] = script_of_the_previous_tool()
    return found


def is_previous(prefix: Prefix) -> bool:
    """Return whether a prefix retains releases, all of which come from installers that named the tool ``ragtrace``."""
    stored = prefix.complete_releases()
    return bool(stored) and not any(knows_the_command(release.bundle / INSTALLER) for release in stored)


def knows_the_command(zipapp: Path) -> bool:
    """Return whether an installer supports the tool's command; True if the installer cannot be read.

    A damaged installer is found by comparison with the receipt.
    """
    try:
        with reading.opened(zipapp) as file, zipfile.ZipFile(file) as opened:
            members = frozenset(opened.namelist())
    except (OSError, zipfile.BadZipFile):
        return True
    return FORMER_LAYOUT not in members or KNOWS_THE_COMMAND in members


def former_tool(prefix: Prefix) -> Path | None:
    """Return the command ``ragtrace`` of a prefix, or None if it does not start the tool."""
    path = prefix.bin / file_name(PREVIOUS_TOOL)
    try:
        return path if reading.read(path, reading.LINES) == script_of_the_previous_tool() else None
    except OSError:
        return None


def tool(prefix: Prefix) -> Path | None:
    """Return the tool's command in a prefix as a user types it, or None if there is none yet."""
    if own_command.is_installed(prefix.root):
        return own_command.in_prefix(prefix.root)
    return prefix.bin / PREVIOUS_TOOL if former_tool(prefix) else None


def unknown_files(prefix: Prefix, manifest: Manifest) -> list[Path]:
    """Return the files in PREFIX/bin that no installer wrote and that have the name of a manifest's new command."""
    active = prefix.named()
    try:
        ours = scripts(prefix, active.manifest()) if active else {}
    except (RagtraceError, OSError):
        ours = {}
    wanted = {file_name(TOOL), *map(file_name, manifest.application.commands)} - set(ours)
    return [
        path for path in (prefix.bin / name for name in sorted(wanted)) if os.path.lexists(path) and not is_ours(path)
    ]


def is_ours(path: Path) -> bool:
    """Return whether a file of PREFIX/bin was written by an installer."""
    try:
        return MADE_BY_US in reading.read(path, reading.LINES)
    except OSError:
        return False


def argv(prefix: Prefix, manifest: Manifest, name: str, arguments: Sequence[str]) -> list[str]:
    """Return the argv that runs a command of PREFIX/bin, or a program of the profile, which has no script there."""
    if all(launcher.is_command for launcher in manifest.application.launchers if launcher.name == name):
        return [str(prefix.bin / file_name(name)), *arguments]
    release = prefix.named()
    assert release is not None  # callers have one
    return [str(release.python), "-I", "-B", str(release.launch_file), name, *arguments]


def write(prefix: Prefix, manifest: Manifest) -> None:
    """Write the launchers of a manifest into PREFIX/bin; ``prune`` removes those of other releases later.

    The tool's own is written first, so that it is available to continue after an interrupted run.
    """
    prefix.bin.mkdir(exist_ok=True)
    for name, content in scripts(prefix, manifest).items():
        path = prefix.bin / name
        if not is_right(path, content):
            aside.clear(path)
            files.write_atomic(path, content, mode=0o755)


def renew(prefix: Prefix, manifest: Manifest | None) -> None:
    """Make PREFIX/bin have the launchers of a manifest, or none if it is None, and no others of the installer."""
    if manifest is not None:
        write(prefix, manifest)
    prune(prefix, manifest)


def damaged(prefix: Prefix, manifest: Manifest) -> list[str]:
    """Return the launchers of a manifest that are missing or altered, as paths relative to the prefix."""
    return [
        f"bin/{name}" for name, content in scripts(prefix, manifest).items() if not is_right(prefix.bin / name, content)
    ]


def is_right(path: Path, content: bytes) -> bool:
    """Return whether a launcher has the expected content and can be executed."""
    try:
        return reading.read(path, reading.LINES) == content and os.access(path, os.X_OK)
    except OSError:
        return False


def prune(prefix: Prefix, manifest: Manifest | None) -> None:
    """Remove the installer's launchers that the active release does not have, or all if ``manifest`` is None."""
    wanted = scripts(prefix, manifest) if manifest else {}
    for path in prefix.bin.iterdir() if prefix.bin.is_dir() else ():
        if path.name not in wanted and is_ours(path):
            path.unlink()


def write_run_files(installation: Installation) -> None:
    """Write launch.py and run.json, which the launchers use, and the file that records the tool's command.

    The last file is omitted if the stored installer does not support that command.
    """
    release = installation.release
    with open(app_launcher.__file__, "rb") as file:
        release.launch_file.write_bytes(file.read())
    release.run_file.write_bytes(strict.dumps(run_of(installation.manifest)))
    if knows_the_command(release.bundle / INSTALLER):
        (release.path / COMMAND_FILE).write_bytes(f"{TOOL}\n".encode())


def trial_environment(installation: Installation, caller: dict[str, str], data: str | None = None) -> dict[str, str]:
    """Return the application's environment with placeholders for settings, in which no bytecode is written.

    ``data`` replaces the user's data.
    """
    run, settings = run_of(installation.manifest), installation.manifest.application.environment.placeholders
    return app_launcher.environment(str(installation.release.path), run, caller, settings, data)


def trial_command(
    installation: Installation, command: Sequence[str], data: str | None = None
) -> tuple[list[str], Path | None]:
    """Return the argv that starts a release's command without PREFIX/bin, and its folder (None: the caller's)."""
    name, *arguments = command
    run, release = run_of(installation.manifest), str(installation.release.path)
    argv, folder = app_launcher.command(release, run, name, arguments, data)
    return argv, Path(folder) if folder else None


def run_of(manifest: Manifest) -> dict[str, Any]:
    """Return the content of run.json: the application's part of the manifest, as launch.py reads it."""
    return manifest.application.to_json()

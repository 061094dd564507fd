"""PREFIX/bin: small fixed scripts that read ``current`` once and start that release's launcher.

They are the same for every release, so activation changes nothing but ``current``. The tool's own command is never
one of the application's: bundles with such a name are refused. Installers before that rule called it
``ragtrace`` and let it win; a prefix that keeps no release but theirs has the scripts that they know, because none
but they can run there. Once it keeps a release of another, the names are the application's, whichever is active.
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
# of the zipapp: all have the first, and those that know the tool's command the second
EVERY_INSTALLER, KNOWS_THE_COMMAND = (f"site-packages/bootstrap/{name}" for name in ("launchers.py", "own_command.py"))
COMMAND_FILE = "command"  # of a release whose installer knows the tool's command: what its script looks for


def script(name: str, posix: str, windows: str) -> bytes:
    """Return the script of one command for this platform."""
    text = windows.replace("\n", "\r\n") if sys.platform == "win32" else posix
    return text.replace("@name@", name).replace("@tool@", TOOL).encode("ascii")


def script_of_the_previous_tool() -> bytes:
    """Return what installers that called the tool ``ragtrace`` wrote for it."""
    return script(PREVIOUS_TOOL, texts.POSIX_PREVIOUS, texts.WINDOWS_PREVIOUS)


def file_name(name: str) -> str:
    """Return the file that a command has in PREFIX/bin."""
    return name + (".cmd" if sys.platform == "win32" else "")


def scripts(prefix: Prefix, manifest: Manifest) -> dict[str, bytes]:
    """Return file name → content of everything that PREFIX/bin holds for a manifest, the tool's command first."""
    found = {file_name(TOOL): script(TOOL, texts.POSIX_TOOL, texts.WINDOWS_TOOL)}
    for name in manifest.application.commands:
        found[file_name(name)] = script(name, texts.POSIX_APPLICATION, texts.WINDOWS_APPLICATION)
    if is_previous(prefix):
        del found[file_name(TOOL)]
        found[file_name(PREVIOUS_TOOL)] = script_of_the_previous_tool()
    return found


def is_previous(prefix: Prefix) -> bool:
    """Return whether a prefix keeps releases, and each of an installer that calls the tool ``ragtrace``."""
    stored = prefix.complete_releases()
    return bool(stored) and not any(knows_the_command(release.bundle / INSTALLER) for release in stored)


def knows_the_command(zipapp: Path) -> bool:
    """Return whether an installer has the rules of this one; one that cannot be read is a matter of its receipt."""
    try:
        with reading.opened(zipapp) as file, zipfile.ZipFile(file) as opened:
            members = frozenset(opened.namelist())
    except (OSError, zipfile.BadZipFile):
        return True
    return EVERY_INSTALLER not in members or KNOWS_THE_COMMAND in members


def former_tool(prefix: Prefix) -> Path | None:
    """Return the command ``ragtrace`` of a prefix where it starts the tool, or None."""
    path = prefix.bin / file_name(PREVIOUS_TOOL)
    try:
        return path if reading.read(path, reading.LINES) == script_of_the_previous_tool() else None
    except OSError:
        return None


def tool(prefix: Prefix) -> Path | None:
    """Return the tool's command in a prefix as it is typed, or None where there is none yet."""
    if own_command.is_installed(prefix.root):
        return own_command.in_prefix(prefix.root)
    return prefix.bin / PREVIOUS_TOOL if former_tool(prefix) else None


def unknown_files(prefix: Prefix, manifest: Manifest) -> list[Path]:
    """Return files of somebody else's in PREFIX/bin where a manifest's commands would go."""
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
    """Return how a command of PREFIX/bin is called from a program, or a program of the profile, which has no script."""
    if all(launcher.is_command for launcher in manifest.application.launchers if launcher.name == name):
        return [str(prefix.bin / file_name(name)), *arguments]
    release = prefix.named()
    assert release is not None  # callers have one
    return [str(release.python), "-I", "-B", str(release.launch_file), name, *arguments]


def write(prefix: Prefix, manifest: Manifest) -> None:
    """Make PREFIX/bin hold the launchers of a manifest; others of ours stay until a release lacks them.

    The tool's own comes first: a run that is cut short leaves one to go on with.
    """
    prefix.bin.mkdir(exist_ok=True)
    for name, content in scripts(prefix, manifest).items():
        path = prefix.bin / name
        if not is_right(path, content):
            aside.clear(path)
            files.write_atomic(path, content, mode=0o755)


def damaged(prefix: Prefix, manifest: Manifest) -> list[str]:
    """Return the launchers of a manifest that are not in PREFIX/bin as they were written, paths from the prefix."""
    return [
        f"bin/{name}" for name, content in scripts(prefix, manifest).items() if not is_right(prefix.bin / name, content)
    ]


def is_right(path: Path, content: bytes) -> bool:
    """Return whether a launcher is there as it was written, and can be started."""
    try:
        return reading.read(path, reading.LINES) == content and os.access(path, os.X_OK)
    except OSError:
        return False


def prune(prefix: Prefix, manifest: Manifest | None) -> None:
    """Remove launchers of ours that the active release does not have; all of them when there is none."""
    wanted = scripts(prefix, manifest) if manifest else {}
    for path in prefix.bin.iterdir() if prefix.bin.is_dir() else ():
        if path.name not in wanted and is_ours(path):
            path.unlink()


def write_run_files(installation: Installation) -> None:
    """Write launch.py and run.json, what the launchers start, and which command the stored installer is started by."""
    release = installation.release
    with open(app_launcher.__file__, "rb") as file:
        release.launch_file.write_bytes(file.read())
    release.run_file.write_bytes(strict.dumps(run_of(installation.manifest)))
    if knows_the_command(release.bundle / INSTALLER):
        (release.path / COMMAND_FILE).write_bytes(f"{TOOL}\n".encode())


def trial_environment(installation: Installation, caller: dict[str, str], data: str | None = None) -> dict[str, str]:
    """Return the application's environment with placeholders for settings; ``data`` stands for the user's."""
    run, settings = run_of(installation.manifest), installation.manifest.application.environment.placeholders
    return app_launcher.environment(str(installation.release.path), run, caller, settings, data)


def trial_command(
    installation: Installation, command: Sequence[str], data: str | None = None
) -> tuple[list[str], Path | None]:
    """Return how a release starts a command without PREFIX/bin, and the folder, None for the caller's."""
    name, *arguments = command
    run, release = run_of(installation.manifest), str(installation.release.path)
    argv, folder = app_launcher.command(release, run, name, arguments, data)
    return argv, Path(folder) if folder else None


def run_of(manifest: Manifest) -> dict[str, Any]:
    """Return what run.json says: the application's part of the manifest, as launch.py reads it."""
    return manifest.application.to_json()

"""Secrets: no file that other users can read contains a secret from the settings or anything that looks like one."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from shared import reading, secret_patterns
from shared.i18n import _, plural
from shared.programs import app_launcher
from validator.check import ERROR, SECURITY, SKIP, Check, CheckResult, UncheckedError, some_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from validator.subject import Subject

SIZE_LIMIT = 1 << 20  # maximum bytes of a file that is searched; settings and logs are smaller, data is not
FILES_LIMIT = 20_000
LEAST = 8  # minimum length of a setting that counts as a secret


class Secrets(Check):
    """Searches the small world-readable files in data, state, backups and bin of the prefix."""

    id = "security.secrets"
    category = SECURITY
    time_limit = 120.0

    def title(self) -> str:
        return _("Secrets")

    def run(self, subject: Subject) -> Iterator[CheckResult]:
        prefix = subject.need_prefix()
        if os.name != "posix":
            raise UncheckedError(SKIP, _("only POSIX permissions are checked"))
        values = secret_values(subject)
        found, unread, searched = {}, [], 0
        for path in readable_by_all(prefix.root, [prefix.data, prefix.state, prefix.backups, prefix.bin]):
            searched += 1
            if searched > FILES_LIMIT:
                details = _("only the first {count} files were searched").format(count=FILES_LIMIT)
                yield self.warned(
                    details, suggestion=_("Move folders with many files elsewhere, or make them private.")
                )
                break
            try:
                kind = kind_of(reading.read(path, SIZE_LIMIT), values)
            except OSError:
                unread.append(str(path))
                continue
            if kind:
                found[str(path)] = kind
        if found:
            yield self.failed(
                _("other users can read {paths}").format(
                    paths=some_of(f"{path} ({kind})" for path, kind in found.items())
                ),
                suggestion=_("Remove the permissions of others, and replace keys that others may have read."),
                command=f"chmod o-rwx {next(iter(found))}",
                evidence={"files": sorted(found)},
            )
        elif unread:
            raise UncheckedError(ERROR, _("cannot be read: {paths}").format(paths=some_of(unread)))
        else:
            yield self.passed(
                plural(
                    "{count} world-readable file contains no secrets",
                    "{count} world-readable files contain no secrets",
                    searched,
                ).format(count=searched)
            )


def secret_values(subject: Subject) -> dict[str, bytes]:
    """Return the settings in .env whose names suggest a secret, except those with the example's value.

    Settings that no launcher reads are included.
    """
    if subject.prefix is None or subject.manifest is None:
        return {}
    template = subject.manifest.application.environment.template
    try:
        settings, _wrong = app_launcher.read_env(app_launcher.text_of(str(subject.prefix.root)))
    except (OSError, ValueError):
        return {}  # ragtrace.settings reports it
    return {
        name: value.encode()
        for _line, name, value in settings
        if secret_patterns.CREDENTIAL.search(name) and len(value) >= LEAST and value != template.get(name)
    }


def kind_of(data: bytes, values: dict[str, bytes]) -> str | None:
    """Return the kind of secret that the data contains, or None; the secret itself is never returned."""
    for name, value in values.items():
        if value in data:
            return name
    return secret_patterns.kind_of(data)


def readable_by_all(root: Path, folders: list[Path]) -> Iterator[Path]:
    """Yield the small files that all users can reach and read."""
    above = (root, *root.resolve().parents)
    if any(not status_of(folder) & stat.S_IXOTH for folder in above):
        return
    waiting = [folder for folder in folders if status_of(folder) & stat.S_IXOTH]
    while waiting:
        try:
            found = sorted(waiting.pop().iterdir())
        except OSError:  # removed in the meantime, not readable by this user, or nested too deeply for a path
            continue
        for path in found:
            mode = status_of(path)
            if stat.S_ISDIR(mode) and mode & stat.S_IXOTH:
                waiting.append(path)
            elif stat.S_ISREG(mode) and mode & stat.S_IROTH and path.lstat().st_size <= SIZE_LIMIT:
                yield path


def status_of(path: Path) -> int:
    """Return a path's mode, or 0 if it no longer exists."""
    try:
        return path.lstat().st_mode
    except OSError:
        return 0

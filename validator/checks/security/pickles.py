"""Pickles: no file of a model can run code when it is loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from installer.advisories import picklescan
from installer.release import tools_environment
from shared.errors import ToolError
from shared.i18n import _, plural
from validator.check import ERROR, NORMAL, SECURITY, SKIP, Check, CheckResult, UncheckedError, some_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bundle.manifest import Manifest
    from installer.layout.release import Release
    from validator.subject import Subject


class PickledModels(Check):
    """Runs picklescan from the release's tools environment on the model files, without loading them."""

    id = "security.pickles"
    category = SECURITY
    time_limit = 600.0
    effort = NORMAL

    def title(self) -> str:
        return _("Pickles in models")

    def run(self, subject: Subject) -> Iterator[CheckResult]:
        python = _scanner(subject.need_release(), subject.need_manifest())
        try:
            found = picklescan.scan_folder(python, subject.need_release().models, limit=self.left())
        except ToolError as error:
            raise UncheckedError(ERROR, _("incomplete: {reason}").format(reason=error.what)) from error
        if found.unread:
            yield self.failed(
                _("cannot be read in their format: {names}").format(names=some_of(found.unread)),
                evidence={"unread": list(found.unread)},
                suggestion=_("Ask the model's publisher to check these files; it is unknown what they do."),
            )
        if found.dangerous:
            yield self.failed(
                _("these run code when loaded: {names}").format(names=described(found.dangerous)),
                evidence={"dangerous": found.dangerous},
                suggestion=_("Do not load them; provide the model in another format (safetensors)."),
            )
        if found.suspicious:
            yield self.warned(
                _("these import code that is not known to be safe: {names}").format(names=described(found.suspicious)),
                evidence={"suspicious": found.suspicious},
                suggestion=_("Ask the model's publisher what this code is for, or provide the model as safetensors."),
            )
        if not (found.unread or found.dangerous or found.suspicious):
            yield self.passed(
                plural(
                    "nothing in {count} file can run code", "nothing in {count} files can run code", found.scanned
                ).format(count=found.scanned)
            )


def _scanner(release: Release, manifest: Manifest) -> Path:
    """Return the interpreter that has picklescan installed. Raises UncheckedError if there is none."""
    if not manifest.models:
        raise UncheckedError(SKIP, _("there are no models"))
    if not tools_environment.entries_of(manifest):
        raise UncheckedError(SKIP, _("the bundle contains no scanners"))
    version = tuple(int(part) for part in manifest.target.python.split("."))
    if version < picklescan.LEAST_PYTHON:
        raise UncheckedError(
            SKIP,
            _("picklescan requires Python 3.11 or later, but this release has Python {python}").format(
                python=manifest.target.python
            ),
        )
    python = tools_environment.python_of(release)
    if not python.exists():
        raise UncheckedError(ERROR, _("incomplete: picklescan is not installed"))
    return python


def described(files: dict[str, list[str]]) -> str:
    """Return the first few files, each with its first three imports."""
    return some_of(f"{path} ({', '.join(names[:3])})" for path, names in sorted(files.items()))

"""Python: the release's interpreter exists, starts, and is the one that the bundle is built for."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import TYPE_CHECKING

from bundle.wheels import record
from installer.install.requirements import PYTHON, Interpreter
from installer.release import acceptance
from shared.errors import ToolError
from shared.i18n import _
from shared.processes import process, scripts
from validator.check import ERROR, SYSTEM, Check, CheckResult, UncheckedError
from validator.trials import trial

if TYPE_CHECKING:
    from collections.abc import Iterator

    from validator.subject import Subject

# run without site (-S), so that no .pth file of the release runs
FACTS = scripts.text("scripts/describe_python")


class Python(Check):
    """Compares the venv's interpreter with the manifest's target, and the base interpreter with the receipt."""

    id = "system.python"
    category = SYSTEM

    def title(self) -> str:
        return _("Python")

    def run(self, subject: Subject) -> Iterator[CheckResult]:
        if subject.prefix is None:
            yield self.here()
            return
        release, manifest = subject.need_release(), subject.need_manifest()
        argv = [str(release.python), "-I", "-S", "-B", "-c", FACTS]
        limit = self.left()
        try:
            ended = process.run(argv, env=acceptance.basic_environment(), timeout=limit)
        except ToolError as error:
            yield self.failed(error.what, evidence={"interpreter": str(release.python)}, **subject.repair())
            return
        if not ended.ok:
            details = _("{python} does not start: {reason}").format(
                python=release.python, reason=trial.ending(ended, limit)
            )
            yield self.failed(details, evidence={"interpreter": str(release.python)}, **subject.repair())
            return
        answer = trial.answer_in(ended)
        if answer is None:
            raise UncheckedError(ERROR, trial.ending(ended, limit))
        name, version, is_free_threaded = answer
        details = _("the release has {name} {version}; the bundle is for CPython {wanted}").format(
            name=name, version=".".join(map(str, version)), wanted=manifest.target.python
        )
        if subject.receipt and not manifest.own_python and tuple(version[:2]) != manifest.target.python_tuple:
            details = _("{path} is now Python {found}, but this installation needs Python {wanted}").format(
                path=subject.receipt.interpreter,
                found=".".join(map(str, version[:2])),
                wanted=manifest.target.python,
            )
            yield self.failed(details, **subject.repair())
        elif not PYTHON.judge(manifest, Interpreter(name, tuple(version), is_free_threaded)).fits:
            yield self.failed(details, **subject.reinstall())
        elif subject.receipt and (changed := changed_base(subject.receipt.interpreter, subject, version)):
            yield self.warned(changed, **subject.repair())
        else:
            yield self.passed(details)

    def here(self) -> CheckResult:
        """Return the result for the interpreter that runs this tool, before anything is installed."""
        details = f"{platform.python_implementation()} {platform.python_version()}"
        if not PYTHON.seen().is_standard:
            return self.failed(details, suggestion=_("Use a standard build of CPython."))
        return self.passed(details)


def changed_base(interpreter: str, subject: Subject, version: list[int]) -> str | None:
    """Return a warning if the base interpreter is not the one that the release was built with, or None."""
    found = record.sha256_of(Path(interpreter).resolve())  # the recorded path may be a link
    if found is None:
        return _("{path}, which the release was built with, is missing").format(path=interpreter)
    then, now = subject.need_receipt().interpreter_version, ".".join(map(str, version))
    if found != subject.need_receipt().interpreter_sha256 and now != then:
        return _("{path} is Python {now}; the release was built with {then}").format(
            path=interpreter, now=now, then=then
        )
    if found != subject.need_receipt().interpreter_sha256:
        return _("{path} changed since the release was built: a system update, or tampering").format(path=interpreter)
    return None

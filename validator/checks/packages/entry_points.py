"""Entry points: what the application's own package offers to others and to the shell can be loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bundle.wheels import record
from shared.errors import ToolError
from shared.i18n import _, plural
from shared.processes import scripts
from validator.check import NORMAL, PACKAGES, SKIP, Check, CheckResult, UncheckedError, some_of
from validator.result import RECOVER_OR_BUNDLE
from validator.trials import trial

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from validator.subject import Subject

LOAD = scripts.text("scripts/load_entry_points")


class EntryPoints(Check):
    """Loads the entry points of the application's own package; those of extras that are not installed may fail."""

    id = "packages.entry_points"
    category = PACKAGES
    time_limit = 300.0
    effort = NORMAL

    def title(self) -> str:
        return _("Entry points")

    def run(self, subject: Subject) -> Iterator[CheckResult]:
        installation = subject.need_installation()
        name = installation.manifest.product.name
        site = installation.release.site_packages(installation.manifest.target.python)
        folders = [folder for found, _version, folder in record.distributions(site) if found == name]
        if not any((folder / "entry_points.txt").is_file() for folder in folders):
            raise UncheckedError(SKIP, _("the application has no package with entry points"))
        limit = self.left()
        try:
            ended = trial.run_python(installation, ["-c", LOAD, name], timeout=limit)
        except ToolError as error:
            yield self.failed(error.what, **subject.repair())
            return
        answer = trial.answer_in(ended)
        if answer is None:
            yield self.failed(trial.ending(ended, limit), **remedy())
            return
        yield self.judged(answer)

    def judged(self, answer: Mapping[str, list[str | None]]) -> CheckResult:
        """Return the result for the error of each entry point, or None, and the missing module behind it."""
        failed = {key: error for key, (error, missing) in answer.items() if error and not missing}
        optional = sorted({missing for _error, missing in answer.values() if missing})
        evidence = {"entry_points": sorted(failed), "not_installed": optional}
        if failed:
            details = some_of(f"{key}: {error}" for key, error in sorted(failed.items()))
            return self.failed(details, evidence=evidence, **remedy())
        loaded = sum(1 for error, _missing in answer.values() if error is None)
        details = plural("{count} entry point loads", "{count} entry points load", loaded).format(count=loaded)
        if optional:
            details += "; " + _("others need packages that are not in the bundle: {names}").format(
                names=some_of(optional)
            )
        return self.passed(details, evidence=evidence)


def remedy() -> dict[str, str]:
    """Return the remedy for an entry point that does not load: recover if it finds damage, else the bundle."""
    advice = _(
        "Set what the error message asks for in .env; if that is not the cause, transfer a bundle with a fixed version."
    )
    return {"remedy": RECOVER_OR_BUNDLE, "suggestion": advice}

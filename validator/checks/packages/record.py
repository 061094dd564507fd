"""Installed files: every file of every package matches its RECORD."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from bundle.wheels import record
from shared.errors import HostError
from shared.i18n import _, joined
from shared.terminal import counted
from validator.check import NORMAL, PACKAGES, SKIP, Check, CheckResult, UncheckedError, some_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bundle.wheels.record import Survey
    from installer.layout.release import Release
    from validator.subject import Subject


class Record(Check):
    """Reads every file in the release's site-packages, and the scripts that its packages installed."""

    id = "packages.record"
    category = PACKAGES
    time_limit = 600.0
    effort = NORMAL

    def title(self) -> str:
        return _("Installed files")

    def run(self, subject: Subject) -> Iterator[CheckResult]:
        release, manifest = subject.need_release(), subject.need_manifest()
        if not manifest.packages:
            raise UncheckedError(SKIP, _("the bundle has no packages"))
        site = release.site_packages(manifest.target.python)
        found = list(record.distributions(site))
        if not found:
            yield self.failed(
                _("{path} contains no packages").format(path=site),
                evidence={"packages": [package.name for package in manifest.packages]},
                **subject.reinstall(),
            )
            return
        lost = [name for name, _version, folder in found if not (folder / "RECORD").is_file()]
        if lost:
            details = _("the RECORD of {names} is missing").format(names=some_of(lost))
            yield self.failed(details, evidence={"packages": lost}, **subject.reinstall())
            return
        try:
            survey = record.survey(site, subject.digests, subject.need_installation().winners)
        except HostError as error:
            yield self.failed(error.what, **subject.reinstall())
            return
        if survey.clean:
            details = _("as recorded in their RECORD: {files} of {packages}").format(
                files=counted.files(len(survey.owners)), packages=counted.packages(len(found))
            )
            yield self.passed(details)
            return
        yield self.failed(describe(survey, release), evidence=evidence_of(survey, release), **subject.reinstall())


def describe(survey: Survey, release: Release) -> str:
    """Return a sentence that names the first few files of each kind and their packages."""

    def name(path: Path) -> str:
        shown = os.path.relpath(path, release.path)
        owner = survey.owners.get(str(path))
        return f"{shown} ({owner})" if owner else shown

    parts = [
        _("missing: {names}").format(names=some_of(map(name, survey.missing))) if survey.missing else "",
        _("altered: {names}").format(names=some_of(map(name, survey.altered))) if survey.altered else "",
        _("not in any RECORD: {names}").format(names=some_of(map(name, survey.unrecorded)))
        if survey.unrecorded
        else "",
    ]
    return joined("; ", [part for part in parts if part])


def evidence_of(survey: Survey, release: Release) -> dict[str, list[str]]:
    """Return all missing, altered and unrecorded files, as paths relative to the release, and their packages."""

    def relative(paths: tuple[Path, ...]) -> list[str]:
        return [os.path.relpath(path, release.path).replace(os.sep, "/") for path in paths]

    return {
        "packages": sorted({survey.owners[str(path)] for path in (*survey.missing, *survey.altered)}),
        "missing": relative(survey.missing),
        "altered": relative(survey.altered),
        "unrecorded": relative(survey.unrecorded),
    }

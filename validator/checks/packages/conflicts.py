"""Dependency conflicts: the requirements of every package are met."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bundle.wheels import record
from shared.files import temp_folders
from shared.i18n import _
from shared.programs.uv import Uv
from validator.check import BUNDLE, ERROR, NORMAL, PACKAGES, SKIP, Check, CheckResult, UncheckedError, some_of
from validator.trials import trial

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bundle.manifest import Manifest
    from validator.subject import Subject


class Conflicts(Check):
    """Reads the output of ``uv pip check`` for the release's environment."""

    id = "packages.conflicts"
    category = PACKAGES
    time_limit = 120.0
    effort = NORMAL

    def title(self) -> str:
        return _("Dependencies")

    def run(self, subject: Subject) -> Iterator[CheckResult]:
        release = subject.need_release()
        if not subject.need_manifest().packages:
            raise UncheckedError(SKIP, _("the bundle has no packages"))
        limit = self.left()
        with temp_folders.scratch() as scratch:
            ended = Uv(scratch).check(release.python, timeout=limit)
        if ended.ok:
            yield self.passed(_("all package requirements are met"))
            return
        lines = [line.strip() for line in ended.stderr.splitlines()]
        conflicts = [line for line in lines if line.startswith("The package ")]
        own = [line for line in conflicts if is_of_the_project(line, subject.need_manifest())]
        if own and own == conflicts:
            yield self.passed(_("all package requirements are met"))
            return
        conflicts = [line for line in conflicts if line not in own]
        if ended.timed_out or not conflicts:
            raise UncheckedError(ERROR, _("uv pip check: {reason}").format(reason=trial.ending(ended, limit)))
        evidence = {"conflicts": conflicts}
        if is_as_shipped(subject):
            yield self.warned(
                some_of(conflicts),
                suggestion=_(
                    "Transfer a bundle with a fixed lockfile if this conflict is not intended; the project's "
                    "lockfile has it too, and the installation works with it."
                ),
                remedy=BUNDLE,
                evidence=evidence,
            )
        else:
            yield self.failed(some_of(conflicts), evidence=evidence, **subject.repair())


def is_of_the_project(line: str, manifest: Manifest) -> bool:
    """Return whether uv reports that a package requires the project, whose source is there but not as a package."""
    name = manifest.product.name
    missing = re.fullmatch(r"The package `[^`]+` requires `([A-Za-z0-9._-]+)[^`]*`, but it's not installed", line)
    return bool(
        missing and record.normalised(missing[1]) == name and name not in {one.name for one in manifest.packages}
    )


def is_as_shipped(subject: Subject) -> bool:
    """Return whether the packages are those of the lockfile, and their METADATA files are as installed."""
    release, manifest, receipt = subject.need_release(), subject.need_manifest(), subject.receipt
    installed = list(record.distributions(release.site_packages(manifest.target.python)))
    wanted = {(package.name, package.version) for package in manifest.packages}
    if receipt is None or {(name, version) for name, version, _folder in installed} != wanted:
        return False
    sealed = {item.path: item.content for item in receipt.items}
    asking = [folder / "METADATA" for _name, _version, folder in installed]
    return all(sealed.get(path.relative_to(release.path).as_posix()) == record.sha256_of(path) for path in asking)

"""Versions: the installed packages are those of the lockfile, each installed once."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from bundle.wheels import record
from shared.i18n import _, plural
from validator.check import PACKAGES, Check, CheckResult, some_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from validator.subject import Subject


class Versions(Check):
    """Compares the names of the installed .dist-info folders with the packages in the manifest."""

    id = "packages.versions"
    category = PACKAGES

    def title(self) -> str:
        return _("Package versions")

    def run(self, subject: Subject) -> Iterator[CheckResult]:
        manifest = subject.need_manifest()
        site = subject.need_release().site_packages(manifest.target.python)
        found = [(name, version) for name, version, _folder in record.distributions(site)]
        installed = dict(found)
        wanted = {package.name: package.version for package in manifest.packages}
        doubled = [name for name, count in Counter(name for name, _version in found).items() if count > 1]
        wrong = {
            **{name: _("{name} is installed more than once").format(name=name) for name in doubled},
            **{name: _("{name} is not installed").format(name=name) for name in wanted.keys() - installed.keys()},
            **{name: _("{name} is not in the lockfile").format(name=name) for name in installed.keys() - wanted.keys()},
            **{
                name: _("{name} is {found}, not {wanted}").format(name=name, found=installed[name], wanted=wanted[name])
                for name in wanted.keys() & installed.keys()
                if installed[name] != wanted[name]
            },
        }
        if wrong:
            names = sorted(wrong)
            unlocked = subject.receipt is not None and not subject.receipt.locked
            if unlocked and not wanted.keys() - installed.keys() and not doubled:
                yield self.warned(
                    some_of(wrong[name] for name in names), evidence={"packages": names}, **subject.reinstall()
                )
                return
            yield self.failed(
                some_of(wrong[name] for name in names), evidence={"packages": names}, **subject.reinstall()
            )
        else:
            yield self.passed(
                plural(
                    "{count} package, as in the lockfile", "{count} packages, all as in the lockfile", len(wanted)
                ).format(count=len(wanted))
            )

"""What a bundle provides so that a host can look for known vulnerabilities, any day, with no network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from builder.advisories.gate import announce, read_knowledge, refuse, run_gate
from builder.wheels import tools_environment
from bundle.advisories.matcher import Installed
from bundle.wheels.sizes import NOTHING, Unpacked
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from builder.advisories.gate import Knowledge
    from builder.lock.lock import Selection
    from builder.lock.locked import LockedSource, LockedWheel
    from builder.lock.targets import Standing
    from builder.members import Member
    from builder.request.request import Request
    from builder.request.run import Run, Scope
    from bundle.advisories.assess import Assessment
    from bundle.advisories.matcher import Finding
    from bundle.signing.policy import Policy
    from bundle.target import Target
    from shared.terminal.progress import Progress


@dataclass(frozen=True)
class Verification:
    """What a bundle provides so that a host can look for known vulnerabilities: nothing without advisories."""

    members: tuple[Member, ...] = ()
    unpacked: Unpacked = NOTHING


@dataclass(frozen=True)
class Foresight:
    """What is known of a target's packages by their names and versions in the lock, and whether that fails a build.

    ``unknown`` are the packages whose version the lock does not tell: they are judged once they are built.
    """

    target: Target
    assessment: Assessment
    failing: tuple[Finding, ...]
    unknown: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            **self.assessment.to_json(),
            "target": self.target.to_json(),
            "failing": [finding.id for finding in self.failing],
            "passes": not self.failing,
            "unknown_versions": list(self.unknown),
        }


def knowledge_of(request: Request, policy: Policy | None, progress: Progress) -> Knowledge | None:
    """Return what the packages are judged by; without advisories say what that means.

    ``policy`` says whose exceptions count, None where the request names no key.
    """
    if request.advisories is None:
        progress.warn(
            _(
                "Not scanned for known vulnerabilities, and hosts cannot scan for them either: no advisories "
                "were given (--advisories FILE)."
            )
        )
        return None
    return read_knowledge(request.advisories, policy)


def foresee(knowledge: Knowledge, standings: Sequence[Standing]) -> list[Foresight]:
    """Return what is known of every target's packages before anything is fetched or built."""
    return [_foresight(knowledge, one.target, one.selection) for one in standings if one.selection]


def _foresight(knowledge: Knowledge, target: Target, selection: Selection) -> Foresight:
    locked: list[LockedWheel | LockedSource] = [*selection.wheels, *selection.sources]
    assessment = knowledge.assess(knowledge.scan(Installed(one.name, one.version) for one in locked if one.version))
    unknown = tuple(one.name for one in locked if not one.version)
    return Foresight(target, assessment, tuple(knowledge.failing(assessment)), unknown)


def require_safe(knowledge: Knowledge | None, standings: Sequence[Standing], progress: Progress) -> None:
    """Raise BuildError for findings that fail the build, which the lock's versions tell: nothing is fetched for it."""
    for foresight in foresee(knowledge, standings) if knowledge else ():
        if knowledge and foresight.failing:
            announce(foresight.assessment, progress)
            refuse(knowledge, foresight.assessment)


def verify_packages(scope: Scope, selections: Mapping[Target, Selection], run: Run) -> dict[Target, Verification]:
    """Return for each target's bundle advisories, the gate's report and the scanners; nothing without advisories.

    All versions are known, no wheel of the application is fetched yet. Raises BuildError where the gate does.
    """
    if scope.knowledge is None:
        return dict.fromkeys(selections, Verification())
    cache, progress, offline = run.request.cache, run.progress, run.request.offline
    python = tools_environment.own_python(cache, progress, offline=offline)
    verified = {}
    for target, selection in selections.items():
        packages = [Installed(wheel.name, wheel.version) for wheel in selection.wheels]
        passed = run_gate(scope.knowledge, packages, scope.product, python, scope.epoch, progress)
        tools = tools_environment.tools_of(target, cache, progress, offline=offline)
        verified[target] = Verification((*passed.members, *tools.members), tools.unpacked)
    return verified

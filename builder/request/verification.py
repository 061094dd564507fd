"""The files of a bundle that let a host scan for known vulnerabilities offline at any time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from builder.advisories.announce import announce, announce_unused
from builder.advisories.gate import gate_members, read_knowledge, refuse, run_gate, write_sarif
from builder.lock.installer_wheels import installer_packages
from builder.request.delta import name_of
from builder.wheels import interpreter, tools_environment
from bundle.advisories.matcher import CPYTHON, PYTHON, TOOLS, ZIPAPP, Component, Installed, scan_carried
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
    from bundle.advisories.matcher import Doubt, Finding
    from bundle.signing.policy import Policy
    from bundle.target import Target
    from shared.terminal.progress import Progress


@dataclass(frozen=True)
class Verification:
    """The files of a bundle that let a host scan for known vulnerabilities; empty without advisories."""

    members: tuple[Member, ...] = ()
    unpacked: Unpacked = NOTHING


@dataclass(frozen=True)
class Foresight:
    """The assessment of a target's packages by their names and versions in the lockfile, before the build.

    ``failing`` lists the findings that fail the build, ``suspect`` the undecided packages that do because they may be
    malware, ``unknown`` the packages without a version in the lockfile, which are scanned once they are built.
    """

    target: Target
    assessment: Assessment
    failing: tuple[Finding, ...]
    suspect: tuple[Doubt, ...]
    unknown: tuple[str, ...]

    @property
    def passes(self) -> bool:
        """Whether nothing that is known by the lockfile stops the build."""
        return not self.failing and not self.suspect

    def to_json(self) -> dict[str, Any]:
        """Return the assessment as JSON values."""
        return {
            **self.assessment.to_json(),
            "target": self.target.to_json(),
            "failing": [finding.id for finding in self.failing],
            "passes": self.passes,
            "unknown_versions": list(self.unknown),
        }


def knowledge_of(request: Request, policy: Policy | None, progress: Progress) -> Knowledge | None:
    """Return the advisories and exceptions for assessing packages; if none were given, warn and return None.

    ``policy`` defines whose exceptions are valid; it is None if the request has no key.
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


def carried_by(target: Target, python: str | None) -> list[Component]:
    """Return what a target's bundle with advisories contains besides the application: scanners, installer, Python.

    ``python`` is the interpreter that the request includes, if any.
    """
    tools = tuple(Installed(wheel.name, wheel.version) for wheel in tools_environment.selected(target))
    zipapp = tuple(Installed(*one) for one in installer_packages(target))
    carried = [Component(TOOLS, tools), Component(ZIPAPP, zipapp)]
    if python is not None:
        version = interpreter.version_of(python)
        unjudged = "" if version else _("its exact version is not known until it is fetched")
        carried.append(Component(PYTHON, (Installed(CPYTHON, version),), unjudged))
    return carried


def foresee(knowledge: Knowledge, standings: Sequence[Standing], *, python: str | None = None) -> list[Foresight]:
    """Return the assessment of every target's packages before anything is fetched or built.

    ``python`` is the interpreter that the bundles include, if any.
    """
    return [_foresight(knowledge, one.target, one.selection, python) for one in standings if one.selection]


def _foresight(knowledge: Knowledge, target: Target, selection: Selection, python: str | None) -> Foresight:
    locked: list[LockedWheel | LockedSource] = [*selection.wheels, *selection.sources]
    scanned = knowledge.scan(Installed(one.name, one.version) for one in locked if one.version)
    assessment = knowledge.assess(scan_carried(knowledge.snapshot.index, scanned, carried_by(target, python)))
    unknown = tuple(one.name for one in locked if not one.version)
    failing, suspect = knowledge.failing(assessment), knowledge.suspect(assessment)
    return Foresight(target, assessment, tuple(failing), tuple(suspect), unknown)


def write_foresights(knowledge: Knowledge | None, foresights: Sequence[Foresight]) -> None:
    """Write what is known of each target by the lockfile as SARIF, if the request names a file for it."""
    if knowledge is not None:
        write_sarif(knowledge, {name_of(one.target): one.assessment for one in foresights})


def require_safe(
    knowledge: Knowledge | None, standings: Sequence[Standing], progress: Progress, *, python: str | None = None
) -> None:
    """Raise BuildError if the lockfile's versions have findings that fail the build, before anything is fetched."""
    foresights = foresee(knowledge, standings, python=python) if knowledge else []
    write_foresights(knowledge, foresights)
    for foresight in foresights:
        if knowledge and not foresight.passes:
            announce(foresight.assessment, progress)
            refuse(knowledge, foresight.assessment)


def verify_packages(scope: Scope, selections: Mapping[Target, Selection], run: Run) -> dict[Target, Verification]:
    """Return the advisories, gate report and scanners for each target's bundle; empty without advisories.

    All versions must be known; no wheel of the application has been fetched yet. Raises BuildError as the gate does.
    """
    if scope.knowledge is None:
        return dict.fromkeys(selections, Verification())
    python = tools_environment.own_python(run.fetching)
    assessments: dict[str, Assessment] = {}
    verified = {}
    for target, selection in selections.items():
        packages = [Installed(wheel.name, wheel.version) for wheel in selection.wheels]
        carried = carried_by(target, run.request.python)
        assessment = run_gate(scope.knowledge, packages, python, run.progress, carried=carried)
        assessments[name_of(target)] = assessment
        write_sarif(scope.knowledge, assessments)
        refuse(scope.knowledge, assessment)
        evidence = gate_members(scope.knowledge, assessment, scope.product, scope.epoch)
        tools = tools_environment.tools_of(target, run.fetching)
        verified[target] = Verification((*evidence, *tools.members), tools.unpacked)
    announce_unused(assessments.values(), run.progress)
    return verified

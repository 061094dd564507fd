"""The vulnerability gate of a build: two scanners check its packages before any of them is fetched."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from builder.advisories.announce import announce
from builder.advisories.documents import EXCEPTIONS_ROLE, read_file
from builder.advisories.snapshot import load_snapshot
from builder.members import Member, member
from bundle import strict
from bundle.advisories import exceptions as exempt
from bundle.advisories import safety
from bundle.advisories import snapshot as form
from bundle.advisories.assess import GATE, GATE_LIMIT, Assessment, Criteria, assess, facts_of
from bundle.advisories.matcher import APPLICATION, named, scan, scan_carried
from bundle.advisories.raw.agreement import differences
from bundle.advisories.reports.sarif import sarif
from bundle.advisories.reports.words import marks_of
from bundle.advisories.severity import DEFAULT, GATES, NEVER
from bundle.advisories.vex import NAME as VEX
from bundle.advisories.vex import vex
from bundle.manifest import KINDS
from bundle.signing.policy import NAMESPACES, judge
from bundle.signing.signature import SIGNATURE_LIMIT, verify
from shared import __version__
from shared.errors import BuildError, ToolError, TrustError, UsageError
from shared.files import outputs
from shared.i18n import _, plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from bundle.advisories.exceptions import Exceptions
    from bundle.advisories.matcher import Component, Doubt, Finding, Installed, Scan
    from bundle.advisories.snapshot import Snapshot
    from bundle.manifest import Product
    from bundle.signing.policy import Policy
    from shared.terminal.progress import Progress

KIND = "verification"
FOLDER = f"{KINDS[KIND]}/advisories"
SHOWN = 8  # findings listed in an error


@dataclass(frozen=True)
class GateRequest:
    """The gate's settings: a snapshot, signed exceptions, the hosts' severity table, and the level that fails it.

    With ``until_fixed``, findings without a fixed version do not fail it. ``sarif`` is a file for the findings.
    """

    snapshot: Path
    exceptions: Path | None = None
    table: str = DEFAULT
    fail_on: str = "high"
    until_fixed: bool = False
    sarif: Path | None = None


@dataclass(frozen=True)
class Knowledge:
    """The data that packages are checked against: a snapshot in which all canaries are found, and exceptions."""

    request: GateRequest
    snapshot: Snapshot
    exceptions: Exceptions

    def scan(self, packages: Iterable[Installed]) -> Scan:
        """Scan packages for known vulnerabilities."""
        return scan(self.snapshot.index, packages)

    def assess(self, scanned: Scan) -> Assessment:
        """Return the assessment of a scan as of now."""
        criteria = Criteria(self.snapshot, self.exceptions, self.request.table, until_fixed=self.request.until_fixed)
        return assess(scanned, criteria, datetime.now(timezone.utc))

    def failing(self, assessment: Assessment) -> list[Finding]:
        """Return the findings that fail a build, most urgent first; malware does at every level but ``never``."""
        level, ignored = self.request.fail_on, assessment.unfixed
        return [
            one
            for one in assessment.findings
            if (one.severity in GATES[level] and one not in ignored) or (one.malware and level != NEVER)
        ]

    def suspect(self, assessment: Assessment) -> list[Doubt]:
        """Return the undecided packages that fail a build: those that may be malware."""
        return [one for one in assessment.doubts if one.malware and self.request.fail_on != NEVER]


def read_knowledge(request: GateRequest, policy: Policy | None) -> Knowledge:
    """Load and verify the data that packages are checked against.

    1. The snapshot must be intact, every line of it well formed, and the matcher must find its canaries.
    2. Exceptions must be signed by keys that ``policy`` allows; without exceptions, ``policy`` may be None.

    Raises BuildError, TrustError or UsageError.
    """
    snapshot = load_snapshot(request.snapshot)
    snapshot.read_all()
    blind = list(snapshot.blind_spots())
    if blind:
        raise BuildError(
            _("{path}: the scanner gives wrong results for these known versions: {names}.").format(
                path=request.snapshot, names=", ".join(blind)
            ),
            advice=_("Recreate the snapshot."),
        )
    return Knowledge(request, snapshot, read_signed_exceptions(request.exceptions, policy))


def run_gate(
    knowledge: Knowledge,
    packages: Sequence[Installed],
    python: Path,
    progress: Progress,
    *,
    carried: Sequence[Component] = (),
) -> Assessment:
    """Scan the packages of a build and what its bundle contains besides (``carried``); ``refuse`` then decides.

    1. The records themselves, evaluated as the specification says, must say what the matcher finds.
    2. safety, run by ``python``, must find what the matcher finds in the application's packages.

    Raises BuildError.
    """
    progress.step(
        plural(
            "Scanning {count} package for known vulnerabilities",
            "Scanning {count} packages for known vulnerabilities",
            len(packages),
        ).format(count=len(packages))
    )
    scanned = knowledge.scan(packages)
    evaluate_records(knowledge.snapshot, scanned, packages, progress)
    compare(knowledge.snapshot, scanned, packages, python)
    assessment = knowledge.assess(scan_carried(knowledge.snapshot.index, scanned, carried))
    announce(assessment, progress)
    return assessment


def gate_members(knowledge: Knowledge, assessment: Assessment, product: Product, epoch: int) -> tuple[Member, ...]:
    """Return the bundle members that document a passed gate.

    ``epoch`` is the bundle's time, used in the VEX document. Raises BuildError if the report is too large for hosts.
    """
    contents = {
        form.NAME: knowledge.snapshot.data,
        GATE: written(assessment, knowledge),
        VEX: strict.dumps(vex(assessment, product.name, product.version, datetime.fromtimestamp(epoch, timezone.utc))),
    }
    if knowledge.exceptions.exceptions:
        contents[exempt.NAME] = knowledge.exceptions.to_bytes()
    return tuple(member(f"{FOLDER}/{name}", KIND, data) for name, data in sorted(contents.items()))


def compare(snapshot: Snapshot, scanned: Scan, packages: Sequence[Installed], python: Path) -> None:
    """Raise BuildError unless safety finds exactly what the matcher found, and is right about every canary."""
    try:
        found = safety.second_opinion(
            python, snapshot, [(package.name, package.version or "") for package in packages], limit=safety.TIMEOUT
        )
    except ToolError as error:
        raise BuildError(
            error.what, advice=_("Run the command again with --verbose; the log then contains the scanner's output.")
        ) from error
    blind = [*found.blind, *safety.differences(scanned.hits, found.hits)]
    if blind:
        raise _disagreement(_("The two scanners report different findings for the same advisories: {names}."), blind)


def evaluate_records(snapshot: Snapshot, scanned: Scan, packages: Iterable[Installed], progress: Progress) -> None:
    """Compare a scan with the snapshot's records, evaluated by other code. Raises BuildError for a contradiction.

    Warns if the snapshot has no records, or if they decide what the matcher leaves undecided.
    """
    if not snapshot.header.has_records:
        progress.warn(_("The snapshot is of format 1, which has no records: only its index is searched. Recreate it."))
        return
    found = differences(scanned.judged, snapshot.evaluate((one.name, one.version) for one in packages))
    contradictions = [str(one) for one in found if not one.is_open]
    if contradictions:
        raise _disagreement(_("The index of the snapshot and its records disagree: {names}."), contradictions)
    for one in found:
        progress.warn(_("Decided by the record, not by the index: {difference}").format(difference=one))


def read_signed_exceptions(path: Path | None, policy: Policy | None) -> Exceptions:
    """Return the exceptions in a file that enough keys of its role have signed, or none if ``path`` is None."""
    if path is None:
        return exempt.NONE
    if policy is None:
        raise UsageError(
            _("No key was specified that may sign exceptions."),
            advice=_("Specify the public key of the signer of {path}: --trust-key KEY.pub.").format(path=path),
        )
    data = read_file(path, exempt.EXCEPTIONS_LIMIT)
    beside = sorted(path.parent.glob(f"{path.name}.*.sig"))
    if not beside:
        raise TrustError(
            _("{path} is not signed.").format(path=path),
            advice=_("Sign it with `advisories sign {path} --sign-key KEY`.").format(path=path),
        )
    namespace = NAMESPACES[EXCEPTIONS_ROLE]
    signers = [verify(read_file(one, SIGNATURE_LIMIT), data, namespace, name=one.name) for one in beside]
    judge(policy, EXCEPTIONS_ROLE, signers, None)
    return exempt.read_exceptions(data)


def refuse(knowledge: Knowledge, assessment: Assessment) -> None:
    """Raise BuildError if a finding without an exception has a level that fails the build, or may be malware."""
    failing, fail_on = knowledge.failing(assessment), knowledge.request.fail_on
    if failing:
        text = plural(
            "{count} known vulnerability fails this build (--fail-on {level}): {names}.",
            "{count} known vulnerabilities fail this build (--fail-on {level}): {names}.",
            len(failing),
        )
        names = ", ".join([*map(_named, failing[:SHOWN]), *(["…"] if len(failing) > SHOWN else [])])
        raise BuildError(text.format(count=len(failing), level=fail_on, names=names), advice=_advice_for(failing))
    suspect = knowledge.suspect(assessment)
    if suspect:
        names = ", ".join(f"{named(one)} ({one.id}: {one.reason})" for one in suspect[:SHOWN])
        raise BuildError(
            _("It is undecided whether these packages are malware: {names}.").format(names=names),
            advice=_("Lock other packages or versions, or read the advisories and build with --fail-on never."),
        )


def _named(one: Finding) -> str:
    """Return a finding in words: its package, its id, its severity and what else makes it urgent."""
    return f"{named(one)} ({one.id}, {one.severity}{f' {marks}' if (marks := marks_of(one)) else ''})"


def _advice_for(failing: Sequence[Finding]) -> str:
    if any(finding.where == APPLICATION for finding in failing):
        return _("Lock fixed versions; for findings that have no impact here, sign an exception (`advisories except`).")
    return _(
        "Build with a newer version of this tool, or include a newer interpreter; for findings that have no impact "
        "here, sign an exception (`advisories except`)."
    )


def written(assessment: Assessment, knowledge: Knowledge) -> bytes:
    """Return the report as bytes. Raises BuildError if it is too large for hosts."""
    data = strict.dumps(report(assessment, knowledge))
    if len(data) > GATE_LIMIT:
        raise BuildError(
            _("{name} would be larger than the {limit} bytes that hosts accept.").format(name=GATE, limit=GATE_LIMIT),
            advice=_("Lock package versions that have fewer findings."),
        )
    return data


def report(assessment: Assessment, knowledge: Knowledge) -> dict[str, Any]:
    """Return the report for the bundle, without the time of the assessment, so that builds are reproducible."""
    found = assessment.to_json()
    for key in ("age", "days", "status", "expired", "removed"):
        del found[key]
    return {
        "format": 1,
        "fail_on": knowledge.request.fail_on,
        "snapshot": facts_of(knowledge.snapshot),
        "exceptions": knowledge.exceptions.sequence,
        "scanners": ["ragtrace", *(["records"] if knowledge.snapshot.header.has_records else []), "safety"],
        **found,
    }


def write_sarif(knowledge: Knowledge, assessments: Mapping[str, Assessment]) -> None:
    """Write the findings for each target as SARIF, if the request names a file for it."""
    if knowledge.request.sarif is not None:
        outputs.write(knowledge.request.sarif, strict.dumps(sarif(assessments, __version__)), mode=0o644)


def _disagreement(sentence: str, names: Sequence[str]) -> BuildError:
    return BuildError(
        sentence.format(names="; ".join(names[:SHOWN])),
        advice=_(
            "Recreate the snapshot with this builder; if the problem persists, report a bug and include these names."
        ),
    )

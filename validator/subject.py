"""The subject of a validation: a prefix and its active release, or a host without an installation.

Damage is represented as a value instead of an exception, so that every check can still inspect the rest.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Callable, TypeVar

from installer.layout.location import own_command
from installer.release import receipt as receipts
from installer.release.digests import Digests
from installer.release.installation import Installation
from shared import troubles
from shared.errors import RagtraceError
from shared.i18n import _
from validator.result import ERROR, RECOVER, RECOVER_OR_BUNDLE, SKIP, UncheckedError

if TYPE_CHECKING:
    from bundle.manifest import Manifest
    from bundle.signing.policy import Policy
    from installer.layout.prefix import Prefix
    from installer.layout.release import Release
    from installer.release.receipt import Receipt
    from installer.trust.stores import TrustStores
    from validator.result import Repair

T = TypeVar("T")
REPORT_NAME = "diagnosis.json"


@dataclass(frozen=True)
class Subject:
    """The installation or host that checks inspect.

    ``problems`` maps each part that is None although a prefix exists to the reason. Without a prefix, ``manifest`` is
    the available bundle's, or ``problems["bundle"]`` describes the bundle's problem. ``timeout`` in seconds overrides
    every check's own limit. ``report_name`` is the file that the report is written to, for use in suggested commands.
    ``digests`` caches file digests for all checks of a run. ``foresee`` returns the repair that recover would do; if it
    is None, recover is assumed to repair everything that it may. ``policy`` returns the host's trust policy, or None if
    it has none. ``trust_stores`` locates the records of what host and user accepted.
    """

    prefix: Prefix | None = None
    release: Release | None = None
    manifest: Manifest | None = None
    receipt: Receipt | None = None
    problems: dict[str, str] = field(default_factory=dict)
    timeout: float | None = None
    report_name: str = REPORT_NAME
    digests: Digests = field(default_factory=Digests, compare=False)
    foresee: Callable[[], Repair] | None = field(default=None, compare=False)
    policy: Callable[[], Policy | None] = field(default=lambda: None, compare=False)
    trust_stores: TrustStores | None = field(default=None, compare=False)

    @property
    def title(self) -> str:
        """The application's name, or a placeholder if it is unknown."""
        if self.manifest is not None:
            return self.manifest.product.title
        return self.receipt.product if self.receipt is not None else "RAGTrace"

    def need_prefix(self) -> Prefix:
        """Return the prefix; raises UncheckedError if nothing is installed."""
        return self._need("prefix", self.prefix)

    def need_release(self) -> Release:
        return self._need("release", self.release)

    def need_manifest(self) -> Manifest:
        return self._need("manifest", self.manifest)

    def need_receipt(self) -> Receipt:
        return self._need("receipt", self.receipt)

    def need_installation(self) -> Installation:
        """Return the active release with its manifest, and its receipt if that is readable."""
        return Installation(self.need_prefix(), self.need_release(), self.need_manifest(), self.receipt)

    def _need(self, name: str, value: T | None) -> T:
        if self.prefix is None:
            raise UncheckedError(SKIP, _("nothing is installed"))
        if value is not None:
            return value
        raise UncheckedError(ERROR, self.problems[name])

    def tool(self, *arguments: str) -> str:
        """Return a command line of this tool that the user can run here."""
        return own_command.line(*arguments, prefix=self.prefix.root if self.prefix is not None else None)

    def write_report(self) -> str:
        """Return the suggestion to write a diagnosis and repair with it."""
        suggestion = _("Write a diagnosis with `validate --output {name}`, then use it to repair the installation.")
        return suggestion.format(name=self.report_name)

    def recover_command(self) -> str:
        """Return the command line that repairs the installation."""
        return self.tool("recover", self.report_name)

    def repair(self) -> dict[str, str]:
        """Return the remedy for a failure that damage may explain; validator/remedy.py makes the final decision."""
        return {"remedy": RECOVER}

    def reinstall(self) -> dict[str, str]:
        """Return the remedy for damage that was found: recover if it can repair it, else the bundle."""
        return {
            "remedy": RECOVER_OR_BUNDLE,
            "suggestion": _("Install again from the bundle; data and settings stay."),
            # the installed tool has no bundle next to it
            "command": self.tool("install", *([_("FOLDER")] if own_command.installed() else [])),
        }


def subject_before_installation(manifest: Manifest | None = None, problem: str = "") -> Subject:
    """Return the subject for a host: the manifest of a bundle that could be installed, or why it cannot be."""
    return Subject(manifest=manifest, problems={"bundle": problem} if problem else {})


def subject_of(prefix: Prefix) -> Subject:
    """Return the subject for a prefix; damage does not raise."""
    release = prefix.active()
    if release is None:
        reason = _("no complete release is active in {path}").format(path=prefix.root)
        problems = dict.fromkeys(("release", "manifest", "receipt"), reason)
        return Subject(prefix, problems=problems)
    problems = {}
    manifest = _read("manifest", release.manifest, problems)
    receipt = _read("receipt", lambda: receipts.read_receipt(release), problems)
    subject = Subject(prefix, release, manifest, receipt, problems)
    if manifest is not None:
        subject.digests.bound_by(manifest)
    return subject


def _read(name: str, read: Callable[[], T], problems: dict[str, str]) -> T | None:
    try:
        return read()
    except RagtraceError as error:
        problems[name] = error.what
    except OSError as error:
        problems[name] = troubles.described(error)
    return None

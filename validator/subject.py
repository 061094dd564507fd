"""What is validated: a prefix and its active release, or a host with nothing installed.

What is broken about it is a value here, so that every check can still inspect the rest.
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
    from installer.trust.places import Places
    from validator.result import Repair

T = TypeVar("T")
REPORT_NAME = "diagnosis.json"


@dataclass(frozen=True)
class Subject:
    """What checks inspect. ``problems`` says why a part of it is None though a prefix is there.

    Without a prefix, ``manifest`` is the available bundle's, or ``problems["bundle"]`` says what is wrong with it.
    ``timeout`` in seconds replaces every check's own limit. ``report_name`` is the file that the
    report goes to, for the commands that a result suggests. ``digests`` reads a file once for
    all checks of a run. ``foresee`` returns what recover would do; without it recover is assumed to repair what it may.
    ``policy`` returns the host's, which says who may sign releases; None where it has none. ``places`` are where
    the host and its user remember what they accepted.
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
    places: Places | None = field(default=None, compare=False)

    @property
    def title(self) -> str:
        """The application's name, or what stands for it while that is not known."""
        if self.manifest is not None:
            return self.manifest.product.title
        return self.receipt.product if self.receipt is not None else "RAGTrace"

    def need_prefix(self) -> Prefix:
        """Return the prefix, or raise UncheckedError: nothing is installed."""
        return self._need("prefix", self.prefix)

    def need_release(self) -> Release:
        return self._need("release", self.release)

    def need_manifest(self) -> Manifest:
        return self._need("manifest", self.manifest)

    def need_receipt(self) -> Receipt:
        return self._need("receipt", self.receipt)

    def need_installation(self) -> Installation:
        """Return the active release with its manifest, and with its receipt where that can be read."""
        return Installation(self.need_prefix(), self.need_release(), self.need_manifest(), self.receipt)

    def _need(self, name: str, value: T | None) -> T:
        if self.prefix is None:
            raise UncheckedError(SKIP, _("nothing is installed"))
        if value is not None:
            return value
        raise UncheckedError(ERROR, self.problems[name])

    def tool(self, *arguments: str) -> str:
        """Return a command line of this tool, as it can be typed here."""
        return own_command.line(*arguments, prefix=self.prefix.root if self.prefix is not None else None)

    def write_report(self) -> str:
        """Return how to repair with recover, in words."""
        suggestion = _("Write a report with validate --output {name}, then use it to repair the installation.")
        return suggestion.format(name=self.report_name)

    def recover_command(self) -> str:
        """Return the command that repairs."""
        return self.tool("recover", self.report_name)

    def repair(self) -> dict[str, str]:
        """Return what a check says whose failure damage may explain; validator/remedy.py settles what helps."""
        return {"remedy": RECOVER}

    def reinstall(self) -> dict[str, str]:
        """Return what a check says that saw damage: recover where that repairs it, else the bundle."""
        return {
            "remedy": RECOVER_OR_BUNDLE,
            "suggestion": _("Install again from the bundle; data and settings stay."),
            # beside the installed tool lies no bundle to take
            "command": self.tool("install", *([_("FOLDER")] if own_command.installed() else [])),
        }


def subject_of(
    prefix: Prefix | None,
    *,
    timeout: float | None = None,
    report_name: str = REPORT_NAME,
    offered: Manifest | None = None,
    trouble: str = "",
) -> Subject:
    """Return what is to be validated in a prefix (None: nothing is installed); raises for nothing that is broken.

    ``offered`` is the manifest of a bundle that could be installed, ``trouble`` why the available one cannot be.
    """
    if prefix is None:
        problems = {"bundle": trouble} if trouble else {}
        return Subject(manifest=offered, problems=problems, timeout=timeout, report_name=report_name)
    release = prefix.active()
    if release is None:
        reason = _("no complete release is active in {path}").format(path=prefix.root)
        problems = dict.fromkeys(("release", "manifest", "receipt"), reason)
        return Subject(prefix, problems=problems, timeout=timeout, report_name=report_name)
    problems = {}
    manifest = _read("manifest", release.manifest, problems)
    receipt = _read("receipt", lambda: receipts.read_receipt(release), problems)
    subject = Subject(prefix, release, manifest, receipt, problems, timeout, report_name)
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

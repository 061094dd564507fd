"""Second copies: the files that a repair, a rollback or a restoration would use are intact."""

from __future__ import annotations

from typing import TYPE_CHECKING

from installer.layout import log_files, proofs
from installer.logs import audit_log
from installer.userdata import backup_files, backup_index
from shared import troubles
from shared.errors import RagtraceError, TrustError
from shared.i18n import _, composed, joined, plural
from validator.check import FULL, SECURITY, Check, CheckResult, some_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from installer.layout.prefix import Prefix
    from installer.layout.release import Release
    from validator.subject import Subject


class SecondCopies(Check):
    """Reads the second copies of manifests and signatures, the whole audit log, and every file of each backup."""

    id = "security.copies"
    category = SECURITY
    time_limit = 1800.0
    effort = FULL

    def title(self) -> str:
        return _("Second copies")

    def run(self, subject: Subject) -> Iterator[CheckResult]:
        prefix = subject.need_prefix()
        yield self.of_metadata(prefix, subject)
        yield self.of_the_log(prefix)
        yield self.of_backups(prefix, subject)

    def of_metadata(self, prefix: Prefix, subject: Subject) -> CheckResult:
        """Compare the signed metadata of each retained release with its second copy."""
        stored = prefix.complete_releases()
        unlike = [release.id for release in stored if not has_same_metadata(prefix, release)]
        if unlike:
            details = _("the second copies of the signed metadata differ from the releases: {names} ({path})")
            return self.failed(
                details.format(names=some_of(unlike), path=proofs.folder(prefix)),
                evidence={"releases": unlike},
                **subject.repair(),
            )
        details = plural(
            "{count} retained release: the signed metadata matches its second copy",
            "{count} retained releases: the signed metadata matches its second copies",
            len(stored),
        )
        return self.passed(details.format(count=len(stored)))

    def of_the_log(self, prefix: Prefix) -> CheckResult:
        """Verify the chain of the audit log through all of its files."""
        name = _("Audit log")
        try:
            count, head = audit_log.verify(prefix)
        except RagtraceError as error:
            return self.failed(error.what, name=name, suggestion=error.advice)
        except OSError as error:
            reported = troubles.words(error, troubles.READING, path=prefix.audit)
            return self.failed(reported.what, name=name, suggestion=reported.advice)
        details = plural(
            "{count} entry, chain intact; files: {files}, head: {head}",
            "{count} entries, chain intact; files: {files}, head: {head}",
            count,
        )
        files = len(log_files.rotated(prefix.audit)) + 1
        return self.passed(details.format(count=count, files=files, head=head[:16]), name=name)

    def of_backups(self, prefix: Prefix, subject: Subject) -> CheckResult:
        """Compare every file of each backup with the backup's index."""
        name, spoiled, count = _("Backups"), [], 0
        for path in sorted(prefix.backups.iterdir()) if prefix.backups.is_dir() else ():
            if not backup_index.NAME.fullmatch(path.name):
                continue
            count += 1
            try:
                backup_files.check(backup_index.read_backup(path))
            except RagtraceError as error:
                spoiled.append(composed("{name} ({reason})", name=path.name, reason=error.what))
            except OSError as error:
                spoiled.append(f"{path.name} ({troubles.described(error)})")
        if spoiled:
            return self.failed(
                _("differ from their indexes: {names}").format(names=joined("; ", spoiled[:3])),
                name=name,
                evidence={"backups": [text.partition(" ")[0] for text in spoiled]},
                suggestion=_(
                    "Replace these backups with intact copies, or create a new backup and remove the damaged ones."
                ),
                command=subject.tool("backup"),
            )
        details = plural(
            "{count} backup: every file matches its index",
            "{count} backups: every file matches the index of its backup",
            count,
        )
        return self.passed(details.format(count=count), name=name)


def has_same_metadata(prefix: Prefix, release: Release) -> bool:
    """Return whether the second copy of a release's signed metadata matches the release's own."""
    try:
        return proofs.holds(prefix, proofs.read_metadata(release.bundle))
    except (OSError, TrustError):
        return False

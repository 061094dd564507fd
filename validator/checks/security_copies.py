"""Second copies: what a repair, a rollback or a restoration takes from is whole, before it is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootstrap import audit_log, backup_files, backup_index, log_files, papers, receipt, troubles
from bootstrap.bundle.digest import sha256_bytes
from bootstrap.bundle.manifest import NAME as MANIFEST
from bootstrap.errors import RagtraceError
from bootstrap.i18n import _, plural
from validator.check import FULL, SECURITY, Check, CheckResult
from validator.checks.security_integrity import describe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bootstrap.prefix import Prefix, Release
    from validator.subject import Subject

BUNDLE = "bundle/"  # what a release keeps of its bundle


class SecondCopies(Check):
    """Reads the second copies of manifests and signatures, the kept bundles, the audit log and every backup."""

    id = "security.copies"
    category = SECURITY
    time_limit = 1800.0
    effort = FULL

    def title(self) -> str:
        return _("Second copies")

    def run(self, subject: Subject) -> Iterator[CheckResult]:
        prefix = subject.need_prefix()
        yield from self.of_releases(prefix, subject)
        yield self.of_the_log(prefix)
        yield self.of_backups(prefix, subject)

    def of_releases(self, prefix: Prefix, subject: Subject) -> Iterator[CheckResult]:
        """Compare each kept release's papers with their second copies, and its kept bundle with its receipt."""
        kept = prefix.complete_releases()
        spoiled = {release: trouble for release in kept if (trouble := spoiled_bundle(release, subject))}
        for release, trouble in spoiled.items():
            details = _("the bundle kept in {release} is not as its receipt says: {reason}")
            advice = (
                subject.reinstall()
                if release == subject.release
                else {
                    "suggestion": _("Nothing goes back to it: install the release from its bundle instead."),
                    "command": subject.tool("install", _("FOLDER")),
                }
            )
            yield self.failed(
                details.format(release=release.id, reason=trouble), evidence={"release": release.id}, **advice
            )
        unlike = [release for release in kept if release not in spoiled and not has_same_papers(prefix, release)]
        for release in unlike:
            details = _("the second copy of manifest and signatures of {release} is not the release's own ({path})")
            active = release == subject.release
            yield self.failed(
                details.format(release=release.id, path=papers.folder(prefix)),
                evidence={"release": release.id},
                suggestion=_("Write it again from the release.")
                if active
                else _("It is written again when that release is active."),
                command=subject.tool("recover") if active else subject.tool("rollback", "--to", release.id),
            )
        if not spoiled and not unlike:
            yield self.passed(
                plural(
                    "{count} release: its kept bundle is as its receipt says, and its manifest and signatures are as "
                    "their second copies",
                    "{count} releases: their kept bundles are as their receipts say, and their manifests and "
                    "signatures are as their second copies",
                    len(kept),
                ).format(count=len(kept))
            )

    def of_the_log(self, prefix: Prefix) -> CheckResult:
        """Follow the chain of the audit log through all of its files."""
        name = _("Audit log")
        try:
            count, head = audit_log.verify(prefix)
        except RagtraceError as error:
            return self.failed(error.what, name=name, suggestion=error.advice)
        except OSError as error:
            told = troubles.words(error, troubles.READING, path=prefix.audit)
            return self.failed(told.what, name=name, suggestion=told.advice)
        details = plural(
            "{count} entry in {files} files, each following from the one before; the head is {head}",
            "{count} entries in {files} files, each following from the one before; the head is {head}",
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
                spoiled.append(f"{path.name} ({error.what})")
            except OSError as error:
                spoiled.append(f"{path.name} ({troubles.told(error)})")
        if spoiled:
            return self.failed(
                _("not as their indexes say: {names}").format(names="; ".join(spoiled[:3])),
                name=name,
                evidence={"backups": [text.partition(" ")[0] for text in spoiled]},
                suggestion=_("Bring these backups back from a copy, or make a new one and remove them."),
                command=subject.tool("backup"),
            )
        details = plural(
            "{count} backup: every file is as its index says",
            "{count} backups: every file is as their indexes say",
            count,
        )
        return self.passed(details.format(count=count), name=name)


def spoiled_bundle(release: Release, subject: Subject) -> str:
    """Return what of the bundle kept in a release is not as its receipt says, or nothing."""
    try:
        sealed = receipt.read_receipt(release)
        found = receipt.compare(release, sealed, subject.digests)
    except RagtraceError as error:
        return error.what
    except OSError as error:
        return troubles.told(error)
    return describe([deviation for deviation in found if deviation.path.startswith(BUNDLE)])


def has_same_papers(prefix: Prefix, release: Release) -> bool:
    """Tell whether the second copy of a release's papers is the release's own."""
    try:
        own = papers.read(release.bundle)
        return papers.read(papers.place(prefix, sha256_bytes(own[MANIFEST]))) == own
    except (OSError, KeyError):
        return False

"""Receipt: the release's receipt is the one that the audit log recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bundle.digest import sha256_file
from installer.logs import audit_log
from shared.errors import TrustError
from shared.i18n import _
from validator.check import ERROR, QUICK, SECURITY, SKIP, Check, CheckResult, UncheckedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from validator.subject import Subject


class ReceiptLogged(Check):
    """Compares the digest of the receipt with the audit log."""

    id = "security.receipt"
    category = SECURITY
    effort = QUICK

    def title(self) -> str:
        return _("Receipt")

    def run(self, subject: Subject) -> Iterator[CheckResult]:
        prefix, release = subject.need_prefix(), subject.need_release()
        try:
            found = sha256_file(release.receipt_file)[0]
        except OSError as error:
            raise UncheckedError(ERROR, f"{error.filename}: {error.strerror}") from error
        try:
            # 1. the chain of the log, 2. its entry for this release
            broken = ""
            audit_log.verify(prefix)
        except TrustError as error:
            broken = error.what
        except OSError as error:
            reason = _("the audit log cannot be read: {reason}").format(reason=error.strerror)
            raise UncheckedError(SKIP, reason) from error
        logged = audit_log.receipt_of(prefix, release.id)
        if logged not in (None, found):
            yield self.failed(
                _(
                    "the audit log has a different receipt for {release}; the current one was written after "
                    "the installation"
                ).format(release=release.id),
                evidence={"found": found, "logged": logged},
                **subject.reinstall(),
            )
        elif broken:
            yield self.warned(
                _("the receipt could not be compared with the audit log: {reason}").format(reason=broken),
                suggestion=_("Compare the log with an export that is stored elsewhere."),
            )
        elif not logged:
            yield self.warned(
                _("the receipt could not be compared with the audit log, which has no entry for it"),
                suggestion=_("Compare the installed files with the signed wheels."),
                command=subject.tool("validate", "--full"),
            )
        else:
            yield self.passed(_("unchanged since the installation (its SHA-256 matches the audit log)"))

"""OpenSSH: ssh-keygen is available for verifying the next bundle manually, and it works."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from installer.release import acceptance
from shared.files import temp_folders
from shared.i18n import _
from shared.processes import process
from validator.check import SKIP, TOOLS, Check, CheckResult, UncheckedError
from validator.trials import trial

if TYPE_CHECKING:
    from collections.abc import Iterator

    from validator.subject import Subject

# signed once with a key that was discarded
NAMESPACE, MESSAGE = "ragtrace-selftest@v1", b"ragtrace\n"
SIGNATURE = """\
-----BEGIN SSH SIGNATURE-----
U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAgdVJCxT6q59bLEZxeN0qiD08uIP
qC68RE3UW1bDfAOYkAAAAUcmFndHJhY2Utc2VsZnRlc3RAdjEAAAAAAAAABnNoYTUxMgAA
AFMAAAALc3NoLWVkMjU1MTkAAABAqpIFg69jUmhpTTRGINvmNH9BcgcRp8csDpnRUfrS1L
PcrUKmoQyzIp7L3/mVWTfjnRUY0Ldp3R8/nDxQ6965AA==
-----END SSH SIGNATURE-----
"""


class OpenSsh(Check):
    """Verifies a known signature with the host's ssh-keygen, against its own message and against another one."""

    id = "tools.openssh"
    category = TOOLS
    time_limit = 30.0

    def title(self) -> str:
        return _("OpenSSH")

    def run(self, subject: Subject) -> Iterator[CheckResult]:  # noqa: ARG002 - depends only on the host
        program = shutil.which("ssh-keygen")
        if program is None:
            reason = _("no ssh-keygen found; compare the installer's SHA-256 with the trust slip instead")
            raise UncheckedError(SKIP, reason)
        advice = _("Verify bundles by the SHA-256 on the trust slip, or with OpenSSH 8.1 or later.")
        right, wrong = self.judge(program, MESSAGE), self.judge(program, b"another\n")
        if not right.ok:
            details = _("{program} cannot verify signatures: {reason}").format(
                program=program, reason=trial.ending(right, self.limit)
            )
            yield self.warned(details, suggestion=advice)
        elif wrong.ok:
            yield self.warned(_("{program} accepts an invalid signature").format(program=program), suggestion=advice)
        else:
            yield self.passed(_("{program} verifies signatures").format(program=program))

    def judge(self, program: str, message: bytes) -> process.Completed:
        """Verify the known signature over a message with ssh-keygen, and return the completed process."""
        with temp_folders.scratch() as folder:
            path = folder / "signature"
            path.write_text(SIGNATURE, encoding="ascii")
            argv = [program, "-Y", "check-novalidate", "-n", NAMESPACE, "-s", str(path)]
            return process.run(argv, env=acceptance.basic_environment(), timeout=self.left(), stdin=message)

"""Scripts: Windows runs the .cmd files that start every command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.i18n import _
from shared.windows import MACHINE, USER, read_value
from validator.check import SYSTEM, Check, CheckResult
from validator.checks.windows_settings import need_windows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from validator.subject import Subject

# group policy "Prevent access to the command prompt": 1 also blocks scripts, 2 only the prompt
PROMPT, NO_SCRIPTS = r"Software\Policies\Microsoft\Windows\System", 1
POWERSHELL_POLICY = r"SOFTWARE\Policies\Microsoft\Windows\PowerShell"
POWERSHELL = r"SOFTWARE\Microsoft\PowerShell\1\ShellIds\Microsoft.PowerShell"
# in order of precedence (about_Execution_Policies); the policy of a single process is not stored
SCOPES = ((MACHINE, POWERSHELL_POLICY), (USER, POWERSHELL_POLICY), (USER, POWERSHELL), (MACHINE, POWERSHELL))
UNDEFINED = "Restricted"  # PowerShell's default


class Scripts(Check):
    """Reads the policy for batch files, and PowerShell's execution policy, which does not apply to them."""

    id = "system.scripts"
    category = SYSTEM

    def title(self) -> str:
        return _("Scripts")

    def run(self, subject: Subject) -> Iterator[CheckResult]:  # noqa: ARG002 - depends only on the host
        need_windows()
        if any(read_value(hive, PROMPT, "DisableCMD") == NO_SCRIPTS for hive in (USER, MACHINE)):
            yield self.failed(
                _("a policy of this host blocks .cmd files, and every launcher is one"),
                suggestion=_('Allow scripts in the group policy "Prevent access to the command prompt".'),
            )
            return
        details = _(".cmd files may run; PowerShell's execution policy ({policy}) does not apply to them")
        yield self.passed(details.format(policy=execution_policy()))


def execution_policy() -> str:
    """Return PowerShell's execution policy, from the first scope that defines one."""
    found = (read_value(hive, key, "ExecutionPolicy") for hive, key in SCOPES)
    return next((str(policy) for policy in found if policy not in (None, "Undefined")), UNDEFINED)

"""Microsoft Defender: whether it scans every file of the installation when it is opened, which slows down startup."""

from __future__ import annotations

import re
from pathlib import PureWindowsPath
from typing import TYPE_CHECKING, Any

from shared.i18n import _
from shared.windows import MACHINE, read_value, value_names
from validator.check import PERFORMANCE, SKIP, Check, CheckResult, UncheckedError
from validator.checks.windows_settings import need_windows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from validator.subject import Subject

OWN, POLICY = r"SOFTWARE\Microsoft\Windows Defender", r"SOFTWARE\Policies\Microsoft\Windows Defender"


class Defender(Check):
    """Reads Defender's settings in the registry, and its excluded folders if this user may read them."""

    id = "performance.defender"
    category = PERFORMANCE

    def title(self) -> str:
        return "Microsoft Defender"

    def run(self, subject: Subject) -> Iterator[CheckResult]:
        need_windows()
        root = str(subject.need_prefix().root)
        if value_names(MACHINE, OWN) is None:
            raise UncheckedError(SKIP, _("Microsoft Defender is not installed on this host"))
        if is_off():
            yield self.passed(_("the real-time protection of Microsoft Defender is off"))
            return
        advice = _("If startup is too slow, ask an administrator whether Defender may exclude this folder.")
        hint: dict[str, Any] = {"suggestion": advice, "command": f'Add-MpPreference -ExclusionPath "{root}"'}
        try:
            excluded = excluded_paths()
        except PermissionError:
            details = _("only administrators can see which folders Microsoft Defender excludes")
            yield self.result(SKIP, details, **hint)
            return
        covering = next((path for path in excluded if covers(path, root)), None)
        if covering is None:
            yield self.warned(
                _("Microsoft Defender scans every file that is opened in {path}").format(path=root), **hint
            )
        else:
            yield self.passed(_("Microsoft Defender excludes {path}").format(path=covering))


def is_off() -> bool:
    """Return whether real-time protection is turned off, by policy or manually."""
    keys = (rf"{folder}\Real-Time Protection" for folder in (POLICY, OWN))
    return any(read_value(MACHINE, key, "DisableRealtimeMonitoring") == 1 for key in keys)


def excluded_paths() -> list[str]:
    """Return the files and folders that Defender excludes. Raises PermissionError if this user may not read them."""
    keys = (rf"{folder}\Exclusions\Paths" for folder in (POLICY, OWN))
    return [path for key in keys for path in value_names(MACHINE, key) or ()]


def covers(excluded: str, path: str) -> bool:
    """Return whether an exclusion applies to a folder or one of its parents; * and ? match within one component."""
    pattern = re.escape(excluded.rstrip("\\")).replace(r"\*", r"[^\\]*").replace(r"\?", r"[^\\]")
    folder = PureWindowsPath(path)
    return any(re.fullmatch(pattern, str(above).rstrip("\\"), re.IGNORECASE) for above in (folder, *folder.parents))

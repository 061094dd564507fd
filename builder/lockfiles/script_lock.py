"""``NAME.py.lock``: the lockfile of a script with inline metadata (PEP 723), exported by uv."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from builder.lock.export import FROZEN, read_export
from builder.project.project import uv_settings_of
from builder.project.toml_file import parse_toml
from shared import reading, troubles
from shared.errors import BuildError, UsageError
from shared.i18n import _

if TYPE_CHECKING:
    from pathlib import Path

    from packaging.pylock import Pylock

    from builder.lock.lockfile import Parts
    from builder.project.project import UvSettings

SCRIPT_LIMIT = 8 << 20  # bytes
# PEP 723, "Reference Implementation"
_BLOCK = re.compile(rb"(?m)^# /// script[ \t\r]*$\n(?P<content>(^#(| .*)$\n)+?)^# ///[ \t\r]*$")


@dataclass(frozen=True)
class ScriptLock:
    """The lockfile beside a script. With ``frozen``, it is used even if the script's metadata has changed since."""

    script: Path
    root: Path
    frozen: bool = False

    @property
    def path(self) -> Path:
        return self.script.with_name(f"{self.script.name}.lock")

    @property
    def project(self) -> Path:
        return self.root

    @property
    def others(self) -> tuple[Path, ...]:
        return ()

    @property
    def read_with(self) -> tuple[Path, ...]:
        return (self.script,)

    def read(self, parts: Parts) -> Pylock:
        self._metadata()
        if not self.path.is_file():
            raise BuildError(
                _("{folder} has no {file}.").format(folder=self.path.parent, file=self.path.name),
                advice=_("Run `uv lock --script {script}` and commit the result.").format(script=self.script.name),
            )
        if parts:
            raise UsageError(
                _("A script has no extras and no dependency groups."),
                advice=_("Omit --extra, --group, --all-extras and --all-groups."),
            )
        return read_export(self.path, ["--script", self.script.name, *(FROZEN if self.frozen else ())])

    def settings(self) -> UvSettings:
        return uv_settings_of(parse_toml(self._metadata(), self.script))

    def options(self) -> dict[str, Any]:
        return {"script": str(self.script), **({"frozen": True} if self.frozen else {})}

    def _metadata(self) -> bytes:
        """Return the TOML of the script's metadata. Raises UsageError if there is none."""
        try:
            found = _BLOCK.search(reading.read(self.script, SCRIPT_LIMIT, follow=True))
        except OSError as error:
            raise troubles.trouble(error, troubles.READING, path=self.script, kind=UsageError) from error
        if not found:
            raise UsageError(
                _("{file} has no inline metadata (PEP 723).").format(file=self.script),
                advice=_(
                    "Add a block `# /// script` with its dependencies, and run `uv lock --script {script}`."
                ).format(script=self.script.name),
            )
        return b"".join(line[2:] if line[1:2] == b" " else line[1:] for line in found["content"].splitlines(True))

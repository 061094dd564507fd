"""``requirements.txt`` of which every requirement has an exact version and digests, as pip's --require-hashes needs.

It has no addresses of files, so uv asks the index for them, without resolving or building anything. Of the files that
the index offers, only those with a digest in the requirements count.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from builder.lock.export import EXPORT_TIME_LIMIT, parse_export, uv_environment
from builder.lockfiles.pylock_file import project_file, settings_beside
from shared import reading, troubles
from shared.errors import BuildError, UsageError
from shared.i18n import _, plural
from shared.processes import process

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from packaging.pylock import Package, Pylock

    from builder.lock.lockfile import Parts
    from builder.project.project import UvSettings

SIZE_LIMIT = 32 << 20  # bytes
SHOWN = 5  # requirements named in a message
_HASH = re.compile(r"\s--hash[= ]\s*(\S+)")
_SHA256 = re.compile(r"sha256:([0-9a-fA-F]{64})")
_COMMENT = re.compile(r"(^|\s)#.*$")
_FOLDER = re.compile(r"(-e|--editable)\b|\.{1,2}(/|$)|file:")
# pip's options for a whole file that specify where files come from; others would change what is locked
_PLACES = re.compile(r"(-i|--index-url|--extra-index-url|--no-index|-f|--find-links|--trusted-host|--require-hashes)\b")
_COMPILE = ("pip", "compile", "--no-deps", "--universal", "--no-annotate", "--no-header", "--format", "pylock.toml")


@dataclass(frozen=True)
class RequirementsFile:
    """A requirements.txt with digests, and the project folder whose uv settings apply, if any.

    With ``offline``, uv uses only what it has cached.
    """

    path: Path
    root: Path
    offline: bool = field(default=False, compare=False)

    @property
    def project(self) -> Path:
        return self.root

    @property
    def others(self) -> tuple[Path, ...]:
        return ()

    @property
    def read_with(self) -> tuple[Path, ...]:
        return project_file(self.root)

    def read(self, parts: Parts) -> Pylock:
        if parts:
            raise UsageError(
                _("{file} has no extras and no dependency groups.").format(file=self.path),
                advice=_("Omit --extra, --group, --all-extras and --all-groups."),
            )
        digests = self._digests()
        pylock = self._compiled(parts.python)
        return replace(pylock, packages=[self._limited(package, digests) for package in pylock.packages])

    def settings(self) -> UvSettings:
        return settings_beside(self.root)

    def options(self) -> dict[str, Any]:
        return {"lock": str(self.path)}

    def _digests(self) -> dict[str, set[str]]:
        """Return the SHA-256 digests of each package. Raises BuildError if any has none, or no version."""
        try:
            text = reading.read(self.path, SIZE_LIMIT, follow=True).decode("utf-8-sig")
        except OSError as error:
            raise troubles.trouble(error, troubles.READING, path=self.path, kind=UsageError) from error
        except UnicodeDecodeError as error:
            raise self._unusable(1, _("it is not UTF-8")) from error
        found: dict[str, set[str]] = {}
        loose = []
        for number, line in _lines(text):
            if _PLACES.match(line):
                continue
            if _FOLDER.match(line):
                raise BuildError(
                    _("{file}, line {line}: {place} is a folder, which no digest can pin.").format(
                        file=self.path, line=number, place=line.split()[-1]
                    ),
                    advice=_(
                        "Run `uv export --no-emit-project`, or remove the line: the project's own files are bundled "
                        "anyway."
                    ),
                )
            if line.startswith("-"):
                raise self._unusable(number, _("{option} cannot be used here").format(option=line.split()[0]))
            name = self._pinned(number, line)
            hashes = {digest[1].lower() for digest in map(_SHA256.fullmatch, _HASH.findall(line)) if digest}
            if name is None or not hashes:
                loose.append(_HASH.sub("", line).strip())
            else:
                found.setdefault(name, set()).update(hashes)
        if loose or not found:
            raise self._unlocked(loose)
        return found

    def _pinned(self, number: int, line: str) -> str | None:
        """Return the package of which a requirement allows one version only, or None if it allows several."""
        try:
            requirement = Requirement(_HASH.sub("", line).strip())
        except InvalidRequirement as error:
            raise self._unusable(number, str(error).partition("\n")[0]) from error
        only = list(requirement.specifier)
        if requirement.url or len(only) != 1 or only[0].operator not in ("==", "===") or "*" in only[0].version:
            return None
        return canonicalize_name(requirement.name)

    def _unlocked(self, loose: Sequence[str]) -> BuildError:
        shown = ", ".join([*loose[:SHOWN], *(["…"] if len(loose) > SHOWN else [])])
        return BuildError(
            plural(
                "{file} does not lock {count} requirement: each needs == and --hash=sha256 ({names}).",
                "{file} does not lock {count} requirements: each needs == and --hash=sha256 ({names}).",
                len(loose),
            ).format(file=self.path, count=len(loose), names=shown)
            if loose
            else _("{file} has no requirements.").format(file=self.path),
            advice=_(
                "Run `uv pip compile --universal --generate-hashes {file} -o locked.txt`, and specify --lock "
                "locked.txt."
            ).format(file=self.path.name),
        )

    def _unusable(self, number: int, reason: str) -> BuildError:
        return BuildError(
            _("{file}, line {line}: {reason}.").format(file=self.path, line=number, reason=reason.rstrip(".")),
            advice=_("Remove the line, or lock the project with `uv lock`."),
        )

    def _compiled(self, python: str) -> Pylock:
        """Return the requirements with the files that the index offers. Raises BuildError if uv does not find them."""
        import uv

        options = [*(["--offline"] if self.offline else []), "--python-version", python, self.path.name]
        done = process.run(
            [uv.find_uv_bin(), *_COMPILE, *options],
            env=uv_environment(os.environ),
            cwd=self.path.parent,
            timeout=EXPORT_TIME_LIMIT,
        )
        if done.ok:
            return parse_export(self.path, done.stdout)
        lines = [line.strip() for line in done.stderr.splitlines()]
        told = [line.partition(":")[2].strip() for line in lines if line.startswith(("error:", "cause:"))]
        raise BuildError(
            _("The files of {lock} were not found on the index: {reason}.").format(
                lock=self.path, reason=(": ".join(told) or _("no message")).rstrip(".")
            ),
            advice=_("Build once without --offline; uv's cache then has what the index offers.")
            if self.offline
            else _("Fix what it reports, and build again."),
        )

    def _limited(self, package: Package, digests: dict[str, set[str]]) -> Package:
        """Return a package with the files that its requirement allows. Raises BuildError if none are left."""
        known = digests.get(package.name, set())
        wheels = [wheel for wheel in package.wheels or () if wheel.hashes.get("sha256") in known]
        sdist = package.sdist if package.sdist and package.sdist.hashes.get("sha256") in known else None
        if not wheels and not sdist:
            raise BuildError(
                _("The index offers no file of {package} {version} with a digest of {file}.").format(
                    package=package.name, version=package.version, file=self.path
                ),
                advice=_("Check the index, or lock the requirements again; the files were replaced or removed."),
            )
        return replace(package, wheels=wheels or None, sdist=sdist)


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield the logical lines of a requirements.txt without comments, each with the number of its first line."""
    joined, first = "", 1
    for number, line in enumerate(text.splitlines(), 1):
        first = first if joined else number
        joined += _COMMENT.sub("", line.removesuffix("\\"))
        if line.endswith("\\"):
            joined += " "
            continue
        if joined.strip():
            yield first, joined.strip()
        joined = ""
    if joined.strip():
        yield first, joined.strip()

"""The entries of a lockfile to bundle: wheels with their digests, and sources with their pins."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from packaging.pylock import PackageArchive, PackageDirectory, PackageSdist, PackageVcs, PackageWheel
from packaging.utils import canonicalize_name, parse_wheel_filename

from bundle import names
from bundle.lock import Row
from shared.errors import BuildError
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from packaging.pylock import Package

    from bundle.target import Target


_DIGEST = re.compile(r"[0-9a-f]{64}")


_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True, order=True)
class LockedWheel:
    """A wheel of the lockfile, named as in the bundle. ``size`` is in bytes, or None if the lockfile has none.

    ``renamed`` is its file name on the index if the bundle has it under another, normalized or shorter, else "".
    """

    filename: str
    name: str
    version: str
    url: str = field(repr=False)  # https, http or file; may contain credentials
    size: int | None = field(compare=False)
    sha256: str
    renamed: str = field(default="", compare=False)

    @property
    def published(self) -> str:
        """The file name on the index, which attestations name."""
        return self.renamed or self.filename


@dataclass(frozen=True, order=True)
class LockedSource:
    """A package that the lockfile lists as source, with its pin.

    ``kind`` is ``sdist`` (a source archive at ``place``, ``pin`` its SHA-256), ``git`` (a repository,
    ``pin`` its commit) or ``folder`` (a path, without a pin). ``size`` is in bytes, or None if the lockfile has none.
    """

    name: str
    version: str
    kind: str
    place: str = field(repr=False)  # may contain credentials
    pin: str = ""
    subdirectory: str = ""
    filename: str = ""
    size: int | None = field(default=None, compare=False)


def wheel_name(source: Any) -> str | None:
    """Return the file name of a lockfile entry if it is a wheel, else None.

    uv exports a wheel from a direct URL or a path as an archive.
    """
    if isinstance(source, PackageWheel):
        return source.filename
    if isinstance(source, PackageArchive):
        # PackageArchive has no filename property; PackageWheel derives it from the URL or path
        name = PackageWheel(url=source.url, path=source.path, hashes=source.hashes).filename
        return name if name.endswith(".whl") else None
    return None


def locked_source(package: Package, source: Any, root: Path) -> LockedSource:
    """Return the source that a package is built from.

    Raises BuildError if an archive has no SHA-256, or a repository is not a git repository or has no full commit hash.
    """
    version = str(package.version or "")
    inner = source.subdirectory or "" if not isinstance(source, PackageSdist) else ""
    if isinstance(source, PackageVcs):
        if source.type != "git":
            raise BuildError(
                _("{package} comes from a version control system other than git.").format(package=package.name)
            )
        if not _COMMIT.fullmatch(source.commit_id):
            raise BuildError(
                _("The lockfile has no full commit hash for {package}.").format(package=package.name),
                advice=_("Run `uv lock` again in the project folder."),
            )
        place = source.url or str((root / (source.path or "")).resolve())
        return LockedSource(package.name, version, "git", place, source.commit_id, inner)
    if isinstance(source, PackageDirectory):
        return LockedSource(package.name, version, "folder", str((root / source.path).resolve()), "", inner)
    digest = source.hashes.get("sha256", "").lower()
    url = source.url or (root / source.path).resolve().as_uri()
    filename = (source.filename if isinstance(source, PackageSdist) else urlsplit(url).path).rpartition("/")[2]
    if not _DIGEST.fullmatch(digest):
        raise BuildError(
            _("The lockfile has no SHA-256 for {file}.").format(file=filename),
            advice=_("Use an index that provides SHA-256 digests, and run `uv lock` again."),
        )
    return LockedSource(package.name, version, "sdist", url, digest, inner, unquote(filename), source.size)


def _travel_name(filename: str, target: Target) -> str:
    """Return the name of a wheel in the bundle: its own, or, if that is too long, with only one platform tag.

    A ustar header has 100 bytes for a file's name, and lists of manylinux tags exceed that.
    """
    if names.split_ustar(filename):
        return filename
    stem, _dash, platforms = filename.removesuffix(".whl").rpartition("-")
    fitting = [tag for tag in target.platform_tags() if tag in platforms.split(".")]
    return f"{stem}-{fitting[0]}.whl" if fitting else filename


def locked_wheel(package: Package, source: Any, root: Path, target: Target) -> LockedWheel:
    """Return the entry of a wheel, named as in the bundle. Raises BuildError if its name, digest or URL is invalid."""
    filename = _travel_name(wheel_name(source) or "", target)
    name, version, _build, _tags = parse_wheel_filename(filename)
    trouble = names.problem(filename)
    digest = source.hashes.get("sha256", "").lower()
    if trouble or canonicalize_name(name) != package.name:
        raise BuildError(
            _("The lockfile names a wheel of {package} that cannot be bundled: {file}: {reason}.").format(
                package=package.name, file=repr(filename), reason=trouble or _("the name belongs to another package")
            )
        )
    if not _DIGEST.fullmatch(digest):
        raise BuildError(
            _("The lockfile has no SHA-256 for {file}.").format(file=filename),
            advice=_("Use an index that provides SHA-256 digests, and run `uv lock` again."),
        )
    url = source.url or (root / source.path).resolve().as_uri()
    if urlsplit(url).scheme not in ("https", "http", "file"):
        raise BuildError(
            _("{file} has a URL that is neither https, http nor file.").format(file=filename),
            advice=_("Use an https index, and run `uv lock` again."),
        )
    published = unquote(urlsplit(url).path).rpartition("/")[2]  # uv's export writes its package's name normalized
    renamed = published if published.endswith(".whl") and published != filename else ""
    return LockedWheel(filename, name, str(version), url, source.size, digest, renamed)


def lock_rows(wheels: Iterable[LockedWheel]) -> list[Row]:
    """Return the rows of the host's pylock.toml."""
    return [Row(wheel.filename, wheel.name, wheel.version, wheel.sha256) for wheel in wheels]


def write_requirements(wheels: Iterable[LockedWheel]) -> bytes:
    """Return requirement lines with hashes, for pip with --require-hashes."""
    return "".join(f"{wheel.name}=={wheel.version} --hash=sha256:{wheel.sha256}\n" for wheel in sorted(wheels)).encode()

"""Whether wheels that were built from source agree with each other and with the lockfile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from builder.fetch.cache import sha256
from builder.lock.folders import differing, need_of, needs_in
from builder.project.own_wheel import OwnWheel, read_own_wheel
from shared.errors import BuildError
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from builder.backends.workshop import Workshop
    from builder.lock.locked import LockedWheel


def require_agreement(
    built: Iterable[LockedWheel],
    locked: Iterable[LockedWheel],
    environment: Mapping[str, str],
    workshop: Workshop,
) -> None:
    """Raise BuildError if two built wheels have the same script, or one requires what the lockfile does not have.

    ``locked`` are all wheels of the target, whose markers ``environment`` decides. Requirements that uv was told to
    override are not compared.
    """
    cache = workshop.fetching.cache
    read = {wheel: read_own_wheel(cache.path(sha256(wheel.sha256)), wheel.filename) for wheel in built}
    _require_apart(read)
    if workshop.settings.overrides:
        return
    versions = {wheel.name: wheel.version for wheel in locked}
    for wheel, said in read.items():
        for requirement in _required(wheel, said, environment):
            found = versions.get(canonicalize_name(requirement.name))
            if found is None or not requirement.specifier.contains(found, prereleases=True):
                raise BuildError(
                    _("{wheel} requires {requirement}, but the lockfile has {found}.").format(
                        wheel=wheel.filename, requirement=requirement, found=found or _("no such package")
                    ),
                    advice=_("Run `uv lock` again, or specify a wheel that was built from this source."),
                )


def require_as_locked(built: Iterable[LockedWheel], lock: Path, workshop: Workshop) -> None:
    """Raise BuildError if a wheel's requirements, which only its backend knew, are not those of the lockfile."""
    locked, cache = needs_in(lock), workshop.fetching.cache
    for wheel in built:
        if wheel.name not in locked:
            continue
        requires = read_own_wheel(cache.path(sha256(wheel.sha256)), wheel.filename).requires
        names = differing(frozenset(need_of(_parsed(wheel, text)) for text in requires), locked[wheel.name])
        if names:
            raise BuildError(
                _("{lock} is out of date: it does not have what {wheel} requires of {names}.").format(
                    lock=lock, wheel=wheel.filename, names=", ".join(names)
                ),
                advice=_("Run `uv lock` in the project folder and commit the result."),
            )


def _require_apart(read: Mapping[LockedWheel, OwnWheel]) -> None:
    """Raise BuildError if two wheels have scripts of one name that start different functions."""
    owners: dict[str, LockedWheel] = {}
    for wheel, said in read.items():
        for script, target in said.scripts.items():
            other = owners.setdefault(script, wheel)
            if other is not wheel and read[other].scripts[script] != target:
                raise BuildError(
                    _("{first} and {second} both install the script {script}.").format(
                        first=other.name, second=wheel.name, script=script
                    ),
                    advice=_("Rename it in one of the two, or remove one of them from the dependencies."),
                )


def _required(wheel: LockedWheel, said: OwnWheel, environment: Mapping[str, str]) -> Iterator[Requirement]:
    """Yield what a wheel requires without any extra."""
    without_extra: dict[str, Any] = {**environment, "extra": ""}
    for text in said.requires:
        requirement = _parsed(wheel, text)
        if requirement.marker is None or requirement.marker.evaluate(without_extra):
            yield requirement


def _parsed(wheel: LockedWheel, text: str) -> Requirement:
    try:
        return Requirement(text)
    except InvalidRequirement as error:
        raise BuildError(
            _("{wheel} has an invalid requirement: {text}.").format(wheel=wheel.filename, text=repr(text)),
            advice=_("Fix the dependencies in the project of that wheel."),
        ) from error

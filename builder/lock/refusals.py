"""uv's refusals of a lockfile: the cause and the next step of each, as far as uv's messages tell them apart.

A uv message that is not recognized, for example one from a later version, is passed on as it is.
"""

from __future__ import annotations

import platform
import re
from importlib.metadata import version
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from builder.project.toml_file import read_toml
from bundle.target import PYTHONS
from shared.errors import BuildError
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from shared.processes import process


EXCLUDED = r"incompatible with the project's Python requirement: `([^`]+)`"


def refusal(lock: Path, done: process.Completed) -> BuildError:
    """Return the error for a lockfile that uv rejected."""
    for pattern, explain in _KNOWN:
        match = re.search(pattern, done.stderr)
        if match:
            return explain(lock, match)
    if done.timed_out:
        return BuildError(_("uv timed out while reading {lock}.").format(lock=lock))
    lines = [line.strip() for line in done.stderr.splitlines()]
    reason = next((line for line in lines if line.startswith("error:")), "error: " + _("no message"))
    cause = next((line.removeprefix("cause:") for line in lines if line.startswith("cause:")), "")
    return BuildError(
        _("uv cannot read {lock}: {reason}").format(lock=lock, reason=reason.removeprefix("error: ") + cause),
        advice=_("Run `uv lock --check` in the project folder and fix what it reports."),
    )


def _stale(lock: Path, _match: re.Match[str]) -> BuildError:
    script = lock.name.removesuffix(".lock") if lock.name != "uv.lock" else ""
    if script:
        return BuildError(
            _("{lock} is out of date: {script} has changed since it was written.").format(lock=lock, script=script),
            advice=_("Run `uv lock --script {script}` in its folder and commit the result.").format(script=script),
        )
    return BuildError(
        _("{lock} is out of date: pyproject.toml has changed since it was written.").format(lock=lock),
        advice=_("Run `uv lock` in the project folder and commit the result."),
    )


def _excluded(lock: Path, match: re.Match[str]) -> BuildError:
    if not any(SpecifierSet(match[1]).contains(f"{python}.{patch}") for python in PYTHONS for patch in range(100)):
        return BuildError(
            _("{lock} requires Python {required}, but bundles are for CPython {first} to {last}.").format(
                lock=lock, required=match[1], first=PYTHONS[0], last=PYTHONS[-1]
            ),
            advice=_("Widen requires-python in pyproject.toml, and run `uv lock`."),
        )
    return BuildError(
        _("{lock} requires Python {required}, but the builder runs on Python {python}.").format(
            lock=lock, required=match[1], python=platform.python_version()
        ),
        advice=_("Run the builder with a Python that requires-python in pyproject.toml includes, or widen it."),
    )


def _newer(lock: Path, match: re.Match[str]) -> BuildError:
    return BuildError(
        _("{lock} has format {found}, but uv {version}, which the builder uses, reads format {known}.").format(
            lock=lock, found=match[1], version=version("uv"), known=match[2]
        ),
        advice=_("Use a newer builder, or remove the lockfile and run `uv lock` with uv {version}.").format(
            version=version("uv")
        ),
    )


def _damaged(lock: Path, match: re.Match[str]) -> BuildError:
    return BuildError(
        _("{lock}, line {line}: {reason}.").format(lock=lock, line=match[1], reason=match[2].strip().rstrip(".")),
        advice=_("Restore it from version control, or resolve its merge conflicts; never edit it by hand."),
    )


def _no_extra(lock: Path, match: re.Match[str]) -> BuildError:
    package = match[2]
    if package and package != canonicalize_name(str(_table(lock, "project").get("name", ""))):
        return BuildError(
            _("{package} has no extra named {name}.").format(package=package, name=match[1]),
            advice=_("Specify one that the pyproject.toml of {package} defines.").format(package=package),
        )
    extras = _table(lock, "project").get("optional-dependencies")
    return BuildError(
        _("{folder} has no extra named {name}.").format(folder=lock.parent, name=match[1]), advice=_choice(extras)
    )


def _no_group(lock: Path, match: re.Match[str]) -> BuildError:
    groups = _table(lock, "dependency-groups")
    return BuildError(
        _("{folder} has no dependency group named {name}.").format(folder=lock.parent, name=match[1]),
        advice=_choice(groups),
    )


def _table(lock: Path, name: str) -> dict[str, Any]:
    found = read_toml(lock.parent / "pyproject.toml").get(name)
    return found if isinstance(found, dict) else {}


def _choice(names: Any) -> str:
    if not isinstance(names, dict) or not names:
        return _("Omit the option: pyproject.toml defines none.")
    return _("Specify one that pyproject.toml defines: {names}.").format(names=", ".join(sorted(names)))


def _conflicting(_lock: Path, match: re.Match[str]) -> BuildError:
    names = re.findall("`([^`]+)`", match[1])
    return BuildError(
        _("{names} cannot be in one bundle: the project declares that they conflict (tool.uv.conflicts).").format(
            names=", ".join(names)
        ),
        advice=_("Build a bundle for each of them, with one --extra or --group at a time."),
    )


def _missing(lock: Path, match: re.Match[str]) -> BuildError:
    place = match[1]
    path = url2pathname(urlsplit(place).path) if place.startswith("file:") else place
    return BuildError(
        _("{lock} lists {path}, which does not exist.").format(lock=lock, path=path),
        advice=_(
            "Restore it, for example with `git submodule update --init`, or remove it from tool.uv.sources and run "
            "`uv lock`."
        ),
    )


def _no_project(lock: Path, match: re.Match[str]) -> BuildError:
    return BuildError(
        _("{lock} lists {path}, which has neither pyproject.toml nor setup.py.").format(lock=lock, path=match[1]),
        advice=_(
            "Restore its files, for example with `git submodule update --init`, or remove it from tool.uv.sources "
            "and run `uv lock`."
        ),
    )


def _no_member(lock: Path, match: re.Match[str]) -> BuildError:
    return BuildError(
        _("{file} takes {name} from its workspace, which has no such member.").format(
            file=lock.parent / "pyproject.toml", name=match[1]
        ),
        advice=_("Restore the folder of {name}, or add it to members in [tool.uv.workspace].").format(name=match[1]),
    )


# uv 0.13; all that fits is the cause, so what is more specific comes first
_KNOWN: tuple[tuple[str, Callable[[Path, re.Match[str]], BuildError]], ...] = (
    (r"unsupported schema version \(v(\d+), but only v(\d+)", _newer),
    (r"error: Failed to parse `[^`]*\.lock`\n +cause: TOML parse error at line (\d+),(?:.*\n)+?.*\^+\n(.*)", _damaged),
    (r"error: Extra `([^`]+)` is not defined(?: in .* table for `([^`]+)`)?", _no_extra),
    (r"error: Group `([^`]+)` is not defined", _no_group),
    (r"error: ((?:Extra|Group).*) are incompatible with the (?:declared )?conflicts", _conflicting),
    (r"cause: Distribution not found at: (\S.*)", _missing),
    (r"cause: failed to open file `([^`]+)`: No such file", _missing),
    (r"cause: `([^`]+)` does not appear to be a Python project", _no_project),
    (r"cause: `([^`]+)` references a workspace .* but is not a workspace member", _no_member),
    # uv resolves again only if the lockfile does not match pyproject.toml; offline, that rarely succeeds
    (r"needs to be updated|No solution found when resolving", _stale),
    (EXCLUDED, _excluded),
)

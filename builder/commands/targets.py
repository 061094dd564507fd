"""``targets``: show the targets for which a project's lockfile has all wheels, and what the others lack."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from builder.commands.common import (
    add_choice,
    add_glibc,
    add_package,
    add_project,
    lockfile_from,
    parse_glibc,
    parts_of,
    python_of,
)
from builder.lock.installer_wheels import read_installer_lock
from builder.lock.lock import read_lock
from builder.lock.targets import Standing, survey, why_no_installer
from builder.zipapp import pack
from bundle.target import ARCHITECTURES, FREE_THREADED, PYTHONS, parse_target
from shared.errors import UsageError
from shared.i18n import _
from shared.terminal import commandline
from shared.terminal.columns import columns
from shared.terminal.console import show, show_json

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping, Sequence

    from bundle.target import Target

PLATFORMS = tuple(f"{system}-{machine}" for system, machines in ARCHITECTURES.items() for machine in machines)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    add = parser.add_argument
    add_project(parser)
    add_package(parser)
    add(
        "--target", action="append", choices=PLATFORMS, metavar=_("TARGET"), help=_("only this target; may be repeated")
    )
    add(
        "--python",
        action="append",
        choices=(*PYTHONS, *FREE_THREADED),
        metavar=_("VERSION"),
        help=_("only this version, 3.9 to 3.15, or free-threaded 3.13t to 3.15t; may be repeated"),
    )
    add_glibc(parser)
    add_choice(parser)
    add("--json", action="store_true", help=_("write the result as JSON"))
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Show for each target whether the lockfile has all wheels, and which are missing."""
    glibc = parse_glibc(arguments.glibc)
    lockfile = lockfile_from(arguments)
    lock = read_lock(lockfile, parts_of(arguments, python_of(arguments, lockfile).versions))
    required = lock.pylock.requires_python
    pythons = arguments.python or [
        python for python in PYTHONS if required is None or any(required.filter([f"{python}.0", f"{python}.99"]))
    ]
    if not pythons:
        raise UsageError(
            _("The lockfile requires Python {required}, which no known version satisfies.").format(required=required)
        )
    targets = [
        replace(parse_target(name, PYTHONS[0], glibc=glibc), python=python)
        for name in arguments.target or PLATFORMS
        for python in pythons
    ]
    standings = survey(lock, targets, build=not arguments.no_build)
    installer = read_installer_lock(pack.ROOT)
    unserved = {target: why for target in targets if (why := why_no_installer(installer, target))}
    if arguments.json:
        show_json({"targets": [
            {**one.to_json(), "no_installer": unserved.get(one.target)} for one in standings
        ]})  # fmt: skip
    else:
        for line in (*table(standings, pythons), *missing(standings, pythons), *without_installer(unserved)):
            show(line)
    return commandline.DONE


def table(standings: Sequence[Standing], pythons: Sequence[str]) -> Iterator[str]:
    """Yield a table with a row for each platform and a column for each Python version; see ``cell``."""
    by_place = {(str(one.target), one.target.python): one for one in standings}
    names = list(dict.fromkeys(name for name, _python in by_place))
    heading = _("target")
    width = max(map(columns, [heading, *names])) + 2
    yield heading + " " * (width - columns(heading)) + "".join(f"{python:>10}" for python in pythons)
    for name in names:
        yield f"{name:<{width}}" + "".join(f"{cell(by_place[name, python]):>10}" for python in pythons)


def cell(standing: Standing) -> str:
    """Return the cell of a target: ``ok``, ``ok+N`` (N built from source), ``-N`` (N missing) or ``no``."""
    if standing.selection:
        count = len(standing.selection.sources)
        return f"ok+{count}" if count else "ok"
    return f"-{len(standing.gaps)}" if standing.gaps else "no"


def missing(standings: Sequence[Standing], pythons: Sequence[str]) -> Iterator[str]:
    """Yield the packages that are missing or built from source, each once with its targets.

    If the wheels of a target cannot be selected for another reason, that reason is yielded instead.
    """
    where: dict[str, list[Target]] = {}
    for one in standings:
        packages = [f"{gap.name} {gap.version}".rstrip() for gap in one.gaps]
        if one.error and not packages:
            packages = [one.error.what]
        for source in one.selection.sources if one.selection else ():
            package = f"{source.name} {source.version}".rstrip()
            packages.append(_("{package} (built from source)").format(package=package))
        for package in packages:
            where.setdefault(package, []).append(one.target)
    if where:
        yield ""
        yield _("Missing or built from source (--json shows which wheels exist):")
    for package, targets in sorted(where.items()):
        yield f"  {package}: {', '.join(_places(targets, pythons))}"


def without_installer(unserved: Mapping[Target, str]) -> Iterator[str]:
    """Yield the reasons why some targets cannot have an installer, each once with its targets."""
    where: dict[str, list[str]] = {}
    for target, why in unserved.items():
        where.setdefault(why, []).append(str(target))
    if where:
        yield ""
    for why, names in where.items():
        yield _("No installer for {targets}: {reason}").format(targets=", ".join(dict.fromkeys(names)), reason=why)


def _places(targets: Sequence[Target], pythons: Sequence[str]) -> Iterator[str]:
    """Yield the platforms of the targets, each with its Python versions unless all versions are among the targets."""
    found: dict[str, list[str]] = {}
    for target in targets:
        found.setdefault(str(target), []).append(target.python)
    for name, versions in found.items():
        yield name if len(versions) == len(pythons) else f"{name} ({' '.join(versions)})"

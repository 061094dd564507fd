"""The shared parts of the builder's commands: options for targets, projects and keys."""

from __future__ import annotations

import os
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from builder.lock.lockfile import Parts
from builder.lockfiles.chosen import Named, lockfile_of
from builder.project.hosts_python import hosts_python
from builder.wheels.attesting.attestation_trust import Terms, require_known_kinds
from bundle.target import GLIBC_FLOOR, Target, host_target, parse_target
from shared.errors import UsageError
from shared.i18n import _

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from builder.lock.lockfile import Lockfile
    from builder.project.hosts_python import HostsPython


def add_keys(parser: argparse.ArgumentParser, option: str, help_text: str) -> None:
    """Add an option for key files, which may be repeated."""
    parser.add_argument(option, action="append", type=Path, default=[], metavar=_("KEY"), help=help_text)


def add_terms(parser: argparse.ArgumentParser, root: str) -> None:
    """Add the options that say whom attestations are believed; ``root`` names the default trust root."""
    add = parser.add_argument
    add(
        "--trust-root",
        type=Path,
        metavar=_("FILE"),
        help=_("verify attestations by this sigstore trust root (trusted_root.json; default: {default})").format(
            default=root
        ),
    )
    add(
        "--publisher",
        action="append",
        default=[],
        metavar=_("KIND:NAME"),
        help=_("allow wheels only of this publisher, such as github:owner/repository; may be repeated"),
    )


def terms_of(arguments: argparse.Namespace) -> Terms:
    """Return whom attestations are believed. Raises UsageError for a publisher of an unknown kind."""
    require_known_kinds(arguments.publisher)
    return Terms(arguments.trust_root, tuple(arguments.publisher))


def add_project(parser: argparse.ArgumentParser) -> None:
    """Add the options for the project folder and its lockfile."""
    add = parser.add_argument
    add(
        "--project-root",
        type=Path,
        metavar=_("FOLDER"),
        help=_("the project (default: the folder of --lock or --script, or the current folder)"),
    )
    add(
        "--lock",
        type=Path,
        metavar=_("FILE"),
        help=_("the lockfile: pylock.toml, or a requirements.txt with digests (default: the project's uv.lock)"),
    )
    add("--script", type=Path, metavar=_("FILE"), help=_("a script with inline metadata, locked by FILE.lock"))


def project_of(arguments: argparse.Namespace) -> Path:
    """Return the absolute path of the project folder."""
    named: Path | None = arguments.lock or arguments.script
    given: Path | None = arguments.project_root
    return given.resolve() if given is not None else named.resolve().parent if named else Path.cwd()


def add_product(parser: argparse.ArgumentParser) -> None:
    """Add the options for the name and version of the product."""
    add = parser.add_argument
    add("--name", metavar=_("NAME"), help=_("the product's name (default: that of pyproject.toml or the profile)"))
    add(
        "--product-version",
        metavar=_("VERSION"),
        help=_("the product's version (default: that of pyproject.toml or the profile)"),
    )


def add_package(parser: argparse.ArgumentParser) -> None:
    """Add the option that selects packages of a uv workspace."""
    parser.add_argument(
        "--package",
        action="append",
        default=[],
        metavar=_("NAME"),
        help=_(
            "the package of a uv workspace to bundle (default: that of the project's folder); may be repeated to add "
            "others to the first"
        ),
    )


def add_targets(parser: argparse.ArgumentParser) -> None:
    """Add the options for targets."""
    add = parser.add_argument
    add(
        "--target",
        action="append",
        default=[],
        metavar=_("TARGET"),
        help=_("for example linux-x86_64, windows-amd64; may be repeated (default: this machine)"),
    )
    add(
        "--python",
        action="append",
        default=[],
        metavar=_("VERSION"),
        help=_(
            "the hosts' Python version, for example 3.11, or 3.11.2 where the lockfile differs between patch releases; "
            "may be repeated (default: that of the running interpreter, unless requires-python excludes it)"
        ),
    )
    add_glibc(parser)


def add_glibc(parser: argparse.ArgumentParser) -> None:
    """Add the option for the oldest glibc of the hosts, which limits the manylinux wheels (PEP 600)."""
    parser.add_argument(
        "--glibc",
        default="{}.{}".format(*GLIBC_FLOOR),
        metavar=_("VERSION"),
        help=_("the oldest glibc of Linux hosts (default: %(default)s)"),
    )


def add_choice(parser: argparse.ArgumentParser) -> None:
    """Add the options that select the parts of a project to bundle."""
    add = parser.add_argument
    add("--extra", action="append", default=[], metavar=_("NAME"), help=_("also include this extra; may be repeated"))
    add("--group", action="append", default=[], metavar=_("NAME"), help=_("also include this group; may be repeated"))
    add("--all-extras", action="store_true", help=_("include all extras"))
    add("--all-groups", action="store_true", help=_("include all dependency groups, dev among them"))
    add(
        "--frozen",
        action="store_true",
        help=_("use the lockfile as it is, even if the project has changed since it was written"),
    )
    add(
        "--no-build",
        action="store_true",
        help=_("use only wheels; do not build packages from source, the project itself among them"),
    )


def add_exclude(parser: argparse.ArgumentParser) -> None:
    """Add the options that exclude project files, or include them even though they seem to contain secrets."""
    parser.add_argument(
        "--exclude",
        action="append",
        default=[],
        metavar=_("PATTERN"),
        help=_("also exclude these project files, like source.exclude in a profile; may be repeated"),
    )
    parser.add_argument(
        "--allow-secrets",
        action="append",
        default=[],
        metavar=_("PATTERN"),
        help=_("bundle these project files even though they seem to contain secrets; may be repeated"),
    )


def add_run(parser: argparse.ArgumentParser) -> None:
    """Add the option for the command lines that start an application without scripts."""
    parser.add_argument(
        "--run",
        action="append",
        default=[],
        dest="run_line",
        metavar=_("COMMAND"),
        help=_(
            'also install a launcher for this command, as it is typed in the project, for example "streamlit run '
            'app.py"; may be repeated'
        ),
    )


def parts_of(arguments: argparse.Namespace, pythons: Sequence[str]) -> Parts:
    """Return the selected extras and dependency groups, for these Python versions of the hosts."""
    versions = [tuple(map(int, python.rstrip("t").split(".")[:2])) for python in pythons]
    return Parts(
        tuple(arguments.extra),
        tuple(arguments.group),
        all_extras=arguments.all_extras,
        all_groups=arguments.all_groups,
        python=".".join(map(str, min(versions))),
    )


def lockfile_from(arguments: argparse.Namespace, *, offline: bool = False) -> Lockfile:
    """Return the lockfile that the options name, else the one of the project or of its workspace."""
    named = Named(arguments.lock, arguments.script, arguments.frozen, offline, tuple(arguments.package))
    return lockfile_of(project_of(arguments), named)


def python_of(arguments: argparse.Namespace, lockfile: Lockfile) -> HostsPython:
    """Return the Python versions of the hosts: those specified, or one that the project allows."""
    included = getattr(arguments, "with_python", None)
    return hosts_python(arguments.python, included, lockfile.project, lockfile.path.parent)


def named_targets(arguments: argparse.Namespace, pythons: Sequence[str]) -> tuple[Target, ...]:
    """Return each specified target with each Python version, without duplicates.

    The default target is this host's. Raises UsageError if one is not supported.
    """
    glibc = parse_glibc(arguments.glibc)
    pairs = [(name, python) for name in arguments.target or [str(host_target())] for python in pythons]
    targets = tuple(dict.fromkeys(parse_target(name, python, glibc=glibc) for name, python in pairs))
    if len({(str(target), target.python) for target in targets}) < len(targets):
        raise UsageError(
            _("--python specifies two patch releases of one version."), advice=_("Build a bundle for each of them.")
        )
    return targets


def parse_glibc(text: str) -> tuple[int, int]:
    """Return a glibc version as (major, minor). Raises UsageError if the text is not one."""
    major, _dot, minor = text.partition(".")
    if major != "2" or not (minor.isascii() and minor.isdecimal()):
        raise UsageError(_("{text} is not a glibc version.").format(text=text), advice=_("Use a version such as 2.28."))
    return 2, int(minor)


def moment() -> datetime:
    """Return the creation time of documents: SOURCE_DATE_EPOCH, else now (UTC, whole seconds).

    Raises UsageError if SOURCE_DATE_EPOCH is not valid.
    """
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    if epoch is None:
        return datetime.now(timezone.utc).replace(microsecond=0)
    if not (epoch.isascii() and epoch.isdecimal() and int(epoch) < 8**11):
        raise UsageError(_("SOURCE_DATE_EPOCH is not a valid number of seconds."))
    return datetime.fromtimestamp(int(epoch), timezone.utc)

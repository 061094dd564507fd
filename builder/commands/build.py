"""``build``: create bundle folders and their trust slips from a uv-locked project."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from builder.advisories.gate import GateRequest
from builder.assemble.volumes import parse_size
from builder.backends.workshop import BUILD_TIME_LIMIT
from builder.build import build
from builder.build_view import show_outcome
from builder.commands.common import (
    add_choice,
    add_exclude,
    add_keys,
    add_package,
    add_product,
    add_project,
    add_run,
    add_targets,
    add_terms,
    lockfile_from,
    named_targets,
    parts_of,
    python_of,
    terms_of,
)
from builder.fetch.cache import Cache, default_cache
from builder.own_command import program
from builder.plan import Plan, make_plan, plan_lines
from builder.product.identity import said
from builder.request.bases import read_base
from builder.request.request import Request
from builder.signing.sign import read_public_key
from builder.signing.user_keys import default_key, signers_of
from builder.wheels.attesting import attestations
from bundle.advisories.severity import DEFAULT, GATES, TABLES
from shared.errors import BuildError, UsageError
from shared.i18n import _
from shared.terminal import commandline
from shared.terminal.console import show, show_json
from shared.terminal.progress import make_progress

if TYPE_CHECKING:
    import argparse


TIME_LIMIT = 8**11 - 1  # seconds since 1970: 11 octal digits of a ustar header


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    add = parser.add_argument
    add_project(parser)
    add_product(parser)
    add_package(parser)
    add("--output-dir", type=Path, default=Path("packages"), metavar=_("FOLDER"), help=_("the folder for bundles"))
    add(
        "--profile",
        metavar=_("PROFILE"),
        help=_("a profile file, or the name of a profile that comes with the builder"),
    )
    add_targets(parser)
    add(
        "--with-python",
        metavar=_("FILE|VERSION"),
        help=_("include a relocatable Python interpreter for the application"),
    )
    add(
        "--model",
        action="append",
        default=[],
        metavar="[NAME=]path:DIR|hf:REPO@REV",
        help=_("a model to include; may be repeated"),
    )
    add(
        "--without-model",
        action="append",
        default=[],
        metavar=_("NAME"),
        help=_(
            "exclude one of the profile's models from the bundle; hosts must provide it in "
            "PREFIX/models/NAME; may be repeated"
        ),
    )
    add_exclude(parser)
    add_run(parser)
    add(
        "--wheel",
        action="append",
        default=[],
        type=Path,
        metavar=_("FILE"),
        help=_("a wheel of a package that would otherwise be built from source here; may be repeated"),
    )
    add_choice(parser)
    add(
        "--build-timeout",
        type=int,
        default=BUILD_TIME_LIMIT,
        metavar=_("SECONDS"),
        help=_("the time limit for building one package from source (default: %(default)s)"),
    )
    _add_release(parser)
    _add_judgement(parser)
    add("--offline", action="store_true", help=_("do not use the network: everything must be in the cache"))
    add("--dry-run", action="store_true", help=_("show what would be built and fetched, without doing either"))
    add("--verbose", action="store_true", help=_("show the log on the screen"))
    add("--quiet", action="store_true", help=_("show only the result, not the progress"))
    add("--json", action="store_true", help=_("write the result as JSON"))
    parser.set_defaults(run=run)


def _add_release(parser: argparse.ArgumentParser) -> None:
    """Add the options for signing and for identifying the release."""
    add = parser.add_argument
    add_keys(
        parser,
        "--sign-key",
        _("a signing key; may be repeated (default: the one that keygen creates without a file name)"),
    )
    add_keys(
        parser,
        "--trust-key",
        _("also pin this public key (a .pub file), whose owner signs later with the sign command; may be repeated"),
    )
    add("--threshold", type=int, metavar="K", help=_("how many of the pinned keys must sign (default: all)"))
    add("--counter", type=int, metavar="N", help=_("the release counter (default: the commit time)"))
    add(
        "--strict-source",
        action="store_true",
        help=_(
            "fail if anything is not in the commit: source, profile and its files, packages and models from folders"
        ),
    )
    add(
        "--attestations",
        choices=attestations.MODES,
        default=attestations.RECORD,
        help=_(
            "attestations of who published each wheel (PEP 740): ignore them, record them, or require one for each "
            "wheel"
        ),
    )
    add_terms(parser, _("this user's own"))
    _add_transport(parser)
    add("--cache-dir", type=Path, metavar=_("FOLDER"), help=_("where downloads are stored"))


def _add_transport(parser: argparse.ArgumentParser) -> None:
    """Add the options for how the release is transferred."""
    parser.add_argument(
        "--volume-size",
        metavar=_("SIZE"),
        help=_("split the archive into volumes of this size (650M, 4G), for media with a size limit"),
    )
    parser.add_argument(
        "--base",
        action="append",
        default=[],
        type=Path,
        metavar="MANIFEST",
        help=_(
            "build a delta bundle: leave out the files of this earlier release (its MANIFEST.json); one for each target"
        ),
    )


def _add_judgement(parser: argparse.ArgumentParser) -> None:
    """Add the options of the vulnerability gate."""
    add = parser.add_argument
    add(
        "--advisories", type=Path, metavar=_("FILE"), help=_("a snapshot of known vulnerabilities (`advisories fetch`)")
    )
    add("--exceptions", type=Path, metavar=_("FILE"), help=_("signed exceptions for known vulnerabilities"))
    add(
        "--fail-on",
        choices=tuple(GATES),
        default="high",
        help=_("fail the build for findings of this severity or higher; any: also for those without a score"),
    )
    add(
        "--ignore-until-fixed",
        action="store_true",
        help=_("do not fail for findings that no version fixes yet, except malware"),
    )
    add("--sarif", type=Path, metavar=_("FILE"), help=_("also write the findings as SARIF 2.1.0 to this file"))
    add(
        "--severity-table",
        choices=tuple(TABLES),
        default=DEFAULT,
        help=_(
            "how hosts rate findings: default fails for high or above; strict, for medium or above or without a score"
        ),
    )


def run(arguments: argparse.Namespace) -> int:
    """Build a bundle for each target, or show what would be built."""
    if arguments.verbose:
        commandline.log_to_screen()
    if not arguments.sign_key and not arguments.dry_run:
        arguments.sign_key = [own_key()]
    request = request_of(arguments)
    progress = make_progress(quiet=arguments.quiet)
    if arguments.dry_run:
        plan = make_plan(request, progress)
        show_plan(plan, as_json=arguments.json)
        return commandline.DONE if plan.would_build else commandline.exit_code(BuildError(""))
    progress.step(str(request.python_choice))
    show_outcome(build(request, progress), as_json=arguments.json)
    return commandline.DONE


def own_key() -> Path:
    """Return the path of this user's signing key. Raises UsageError if it does not exist."""
    path = default_key()
    if not path.is_file():
        raise UsageError(
            _("No signing key was specified, and {path} does not exist.").format(path=path),
            advice=_("Create one with `{program} keygen`, or add --sign-key KEY.").format(program=program()),
        )
    return path


def request_of(arguments: argparse.Namespace) -> Request:
    """Return the build request of the command line. Raises UsageError if an option is invalid."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    if epoch is not None and not (epoch.isascii() and epoch.isdecimal() and int(epoch) <= TIME_LIMIT):
        raise UsageError(_("SOURCE_DATE_EPOCH is not a number of seconds that an archive can store."))
    if arguments.counter is not None and arguments.counter < 1:
        raise UsageError(_("The release counter {counter} must be 1 or more.").format(counter=arguments.counter))
    if arguments.build_timeout < 1:
        raise UsageError(_("--build-timeout {seconds} must be 1 or more.").format(seconds=arguments.build_timeout))
    lockfile = lockfile_from(arguments, offline=arguments.offline)
    pythons = python_of(arguments, lockfile)
    return Request(
        project_root=lockfile.project,
        output_dir=arguments.output_dir.resolve(),
        targets=named_targets(arguments, pythons.versions),
        signers=signers_of(arguments.sign_key),
        cache=Cache(arguments.cache_dir or default_cache()),
        trusted=tuple(read_public_key(path) for path in arguments.trust_key),
        threshold=arguments.threshold,
        profile=arguments.profile,
        models=tuple(arguments.model),
        without_models=tuple(arguments.without_model),
        exclude=tuple(arguments.exclude),
        allow_secrets=tuple(arguments.allow_secrets),
        run=tuple(arguments.run_line),
        lock=lockfile,
        parts=parts_of(arguments, pythons.versions),
        said=said(arguments.name, arguments.product_version),
        counter=arguments.counter,
        epoch=None if epoch is None else int(epoch),
        offline=arguments.offline,
        sources=not arguments.no_build,
        advisories=_gate(arguments),
        python=arguments.with_python,
        attestations=arguments.attestations,
        attesting=terms_of(arguments),
        strict_source=arguments.strict_source,
        build_timeout=arguments.build_timeout,
        wheels=tuple(path.resolve() for path in arguments.wheel),
        python_choice=pythons,
        bases=tuple(map(read_base, arguments.base)),
        volume_size=parse_size(arguments.volume_size) if arguments.volume_size is not None else None,
    )


def _gate(arguments: argparse.Namespace) -> GateRequest | None:
    if arguments.advisories is not None:
        return GateRequest(
            arguments.advisories,
            arguments.exceptions,
            arguments.severity_table,
            fail_on=arguments.fail_on,
            until_fixed=arguments.ignore_until_fixed,
            sarif=arguments.sarif,
        )
    if arguments.exceptions is not None:
        raise UsageError(_("Exceptions require advisories."), advice=_("Specify a snapshot with --advisories."))
    if arguments.sarif is not None:
        raise UsageError(_("--sarif requires advisories."), advice=_("Specify a snapshot with --advisories."))
    return None


def show_plan(plan: Plan, *, as_json: bool) -> None:
    """Show a plan as text or as JSON."""
    if as_json:
        show_json(plan.to_json())
        return
    for line in plan_lines(plan):
        show(line)

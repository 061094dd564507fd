"""``build``: from a uv-locked project to the folder that travels, and its trust slip."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from bootstrap import commandline
from bootstrap.bundle.advisories.severity import DEFAULT, GATES, TABLES
from bootstrap.bundle.target import GLIBC_FLOOR, host_target, parse_target
from bootstrap.console import human_bytes, make_progress, show, show_json
from bootstrap.errors import UsageError
from bootstrap.i18n import _
from builder.advisories.gate import GateRequest
from builder.build import Built, Request, build
from builder.cache import Cache, default_cache
from builder.commands.common import signer_of
from builder.release import read_release
from builder.sign import read_public_key
from builder.slip import write_slip

if TYPE_CHECKING:
    import argparse

TIME_LIMIT = 8**11 - 1  # seconds since 1970: 11 octal digits of a ustar header


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    add = parser.add_argument
    add("--project-root", type=Path, default=Path(), metavar=_("FOLDER"), help=_("the project (default: here)"))
    add("--output-dir", type=Path, default=Path("packages"), metavar=_("FOLDER"), help=_("where bundles go"))
    add("--profile", metavar=_("PROFILE"), help=_("a profile's file, or the name of one that comes with the builder"))
    add("--target", metavar=_("TARGET"), help=_("for example linux-x86_64, windows-amd64 (default: this machine)"))
    add("--python", metavar=_("VERSION"), help=_("the hosts' Python, for example 3.11 (default: the one running)"))
    add(
        "--glibc", default="{}.{}".format(*GLIBC_FLOOR), metavar=_("VERSION"), help=_("the oldest glibc of Linux hosts")
    )
    add("--model", action="append", default=[], metavar="[NAME=]path:DIR|hf:REPO@REV", help=_("a model to bring"))
    add("--sign-key", action="append", type=Path, default=[], required=True, metavar=_("KEY"), help=_("a signing key"))
    add(
        "--trust-key",
        action="append",
        type=Path,
        default=[],
        metavar=_("KEY"),
        help=_("pin this public key (a .pub file) too: its owner signs later, with the command sign"),
    )
    add("--threshold", type=int, metavar="K", help=_("how many of the pinned keys must sign (default: all)"))
    add("--counter", type=int, metavar="N", help=_("the release counter (default: the time of the commit)"))
    add("--cache-dir", type=Path, metavar=_("FOLDER"), help=_("where downloads are kept"))
    add("--advisories", type=Path, metavar=_("FILE"), help=_("a snapshot of known vulnerabilities (advisories fetch)"))
    add("--exceptions", type=Path, metavar=_("FILE"), help=_("signed exceptions from its findings"))
    add(
        "--fail-on",
        choices=tuple(GATES),
        default="high",
        help=_("end the build for findings of this level or a higher one; any: those without a score too"),
    )
    add(
        "--severity-table",
        choices=tuple(TABLES),
        default=DEFAULT,
        help=_("how hosts take findings: default fails from high on, strict from medium on and without a score"),
    )
    add("--offline", action="store_true", help=_("take wheels from the cache only"))
    add("--verbose", action="store_true", help=_("show the log on the screen"))
    add("--quiet", action="store_true", help=_("no progress, only the result"))
    add("--json", action="store_true", help=_("write the result as JSON"))
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Build a bundle."""
    if arguments.verbose:
        commandline.log_to_screen()
    here = host_target()
    python = arguments.python or here.python
    target = parse_target(arguments.target or str(here), python, glibc=_glibc(arguments.glibc))
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    if epoch is not None and not (epoch.isascii() and epoch.isdecimal() and int(epoch) <= TIME_LIMIT):
        raise UsageError(_("SOURCE_DATE_EPOCH is not a number of seconds that an archive can hold."))
    if arguments.counter is not None and arguments.counter < 1:
        raise UsageError(_("The release counter {counter} is not 1 or more.").format(counter=arguments.counter))
    request = Request(
        project_root=arguments.project_root.resolve(),
        output_dir=arguments.output_dir.resolve(),
        target=target,
        signers=tuple(signer_of(path) for path in arguments.sign_key),
        cache=Cache(arguments.cache_dir or default_cache()),
        trusted=tuple(read_public_key(path) for path in arguments.trust_key),
        threshold=arguments.threshold,
        profile=arguments.profile,
        models=tuple(arguments.model),
        counter=arguments.counter,
        epoch=None if epoch is None else int(epoch),
        offline=arguments.offline,
        advisories=_gate(arguments),
    )
    built = build(request, make_progress(quiet=arguments.quiet))
    show_built(built, write_slip(read_release(built.folder)), as_json=arguments.json)
    return commandline.DONE


def _gate(arguments: argparse.Namespace) -> GateRequest | None:
    if arguments.advisories is not None:
        return GateRequest(
            arguments.advisories, arguments.exceptions, arguments.severity_table, fail_on=arguments.fail_on
        )
    if arguments.exceptions is not None:
        raise UsageError(
            _("Exceptions mean nothing without advisories."), advice=_("Name a snapshot with --advisories.")
        )
    return None


def _glibc(text: str) -> tuple[int, int]:
    major, _dot, minor = text.partition(".")
    if major != "2" or not (minor.isascii() and minor.isdecimal()):
        raise UsageError(_("{text} is not a version of glibc.").format(text=text), advice=_("Write it as 2.28."))
    return 2, int(minor)


def show_built(built: Built, slip: Path, *, as_json: bool) -> None:
    """Tell what was built, and show the slip."""
    manifest = built.manifest
    if as_json:
        show_json(
            {
                "folder": str(built.folder),
                "archive": manifest.archive,
                "product": manifest.product.to_json(),
                "target": manifest.target.to_json(),
                "packages": len(manifest.packages),
                "bytes": manifest.total_bytes,
                "installer_sha256": built.zipapp_sha256,
                "signers": [key.fingerprint for key in built.signers],
                "slip": str(slip),
                "seconds": built.seconds,
            }
        )
        return
    show(_("Bundle:    {path}").format(path=built.folder))
    show(
        _("Contents:  {count} packages, {models} models, {size}").format(
            count=len(manifest.packages), models=len(manifest.models), size=human_bytes(manifest.total_bytes)
        )
    )
    show(_("Trust slip: {path} (and a page to print beside it)").format(path=slip))
    show("")
    show(slip.read_text(encoding="utf-8").rstrip())

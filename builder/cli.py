"""``python -m builder``: build, keygen, inspect."""

from __future__ import annotations

import argparse
import functools
import getpass
import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bootstrap import __version__, commandline
from bootstrap.bundle.opening import open_bundle
from bootstrap.bundle.policy import pins
from bootstrap.bundle.target import GLIBC_FLOOR, host_target, parse_target
from bootstrap.columns import HelpFormatter
from bootstrap.console import human_bytes, make_progress, show, show_json
from bootstrap.errors import UsageError
from bootstrap.i18n import _
from builder import inspect as inspection
from builder.build import Built, Request, build
from builder.cache import Cache, default_cache
from builder.sign import generate_key, load_signer, read_public_key

if TYPE_CHECKING:
    from collections.abc import Sequence

TIME_LIMIT = 8**11 - 1  # seconds since 1970: 11 octal digits of a ustar header
PASSPHRASE = "RAGTRACE_KEY_PASSPHRASE"  # noqa: S105 - the name of a variable


def main(argv: Sequence[str] | None = None) -> int:
    """Parse the command line, call the command, return its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m builder",
        description=_("Makes signed offline bundles of uv-locked projects."),
        formatter_class=HelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"ragtrace-builder {__version__}")
    table = parser.add_subparsers(dest="command", metavar=_("COMMAND"), required=True)
    command = functools.partial(table.add_parser, formatter_class=HelpFormatter)
    _add_build(command("build", help=_("build a bundle and its installer")))
    _add_keygen(command("keygen", help=_("make a signing key")))
    _add_inspect(command("inspect", help=_("show what is in a bundle")))
    parsed = parser.parse_args(argv)
    return commandline.run_command(parsed.run, parsed)


def _add_build(parser: argparse.ArgumentParser) -> None:
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
    add("--counter", type=int, metavar="N", help=_("the release counter (default: the time of the commit)"))
    add("--cache-dir", type=Path, metavar=_("FOLDER"), help=_("where downloads are kept"))
    add("--offline", action="store_true", help=_("take wheels from the cache only"))
    add("--verbose", action="store_true", help=_("show the log on the screen"))
    add("--quiet", action="store_true", help=_("no progress, only the result"))
    add("--json", action="store_true", help=_("write the result as JSON"))
    parser.set_defaults(run=run_build)


def _add_keygen(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("key", type=Path, metavar=_("FILE"), help=_("the private key to make; FILE.pub goes beside it"))
    parser.add_argument("--no-passphrase", action="store_true", help=_("leave the key unencrypted"))
    parser.set_defaults(run=run_keygen)


def _add_inspect(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("bundle", type=Path, metavar=_("BUNDLE"), help=_("the folder that the builder made"))
    parser.add_argument(
        "--trust-key", action="append", default=[], type=Path, metavar=_("KEY"), help=_("whose it must be")
    )
    parser.add_argument("--json", action="store_true", help=_("write the result as JSON"))
    parser.set_defaults(run=run_inspect)


def run_build(arguments: argparse.Namespace) -> int:
    """Build a bundle."""
    if arguments.verbose:
        commandline.log_to_screen()
    here = host_target()
    python = arguments.python or here.python
    target = parse_target(arguments.target or str(here), python, glibc=_glibc(arguments.glibc))
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    if epoch is not None and not (epoch.isdecimal() and int(epoch) <= TIME_LIMIT):
        raise UsageError(_("SOURCE_DATE_EPOCH is not a number of seconds that an archive can hold."))
    request = Request(
        project_root=arguments.project_root.resolve(),
        output_dir=arguments.output_dir.resolve(),
        target=target,
        signers=tuple(load_signer(path, partial(_passphrase, path)) for path in arguments.sign_key),
        cache=Cache(arguments.cache_dir or default_cache()),
        profile=arguments.profile,
        models=tuple(arguments.model),
        counter=arguments.counter,
        epoch=None if epoch is None else int(epoch),
        offline=arguments.offline,
    )
    built = build(request, make_progress(quiet=arguments.quiet))
    _show_built(built, request, as_json=arguments.json)
    return commandline.DONE


def _glibc(text: str) -> tuple[int, int]:
    major, _dot, minor = text.partition(".")
    if major != "2" or not minor.isdecimal():
        raise UsageError(_("{text} is not a version of glibc.").format(text=text), advice=_("Write it as 2.28."))
    return 2, int(minor)


def _passphrase(path: Path) -> bytes | None:
    given = os.environ.get(PASSPHRASE)
    if given is not None:
        return given.encode()
    if not sys.stdin.isatty():
        return None
    return getpass.getpass(_("Passphrase of {path}: ").format(path=path)).encode()


def _show_built(built: Built, request: Request, *, as_json: bool) -> None:
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
                "signers": [signer.key.fingerprint for signer in request.signers],
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
    for signer in request.signers:
        show(_("Signed by: {fingerprint}").format(fingerprint=signer.key.fingerprint))
    show(_("Installer: SHA-256 {digest}").format(digest=built.zipapp_sha256))
    show(_("Send the fingerprint and this digest to the operator by another way than the bundle."))


def run_keygen(arguments: argparse.Namespace) -> int:
    """Make an Ed25519 signing key, encrypted unless told otherwise."""
    secret = None
    if not arguments.no_passphrase:
        secret = _passphrase(arguments.key)
        if not secret:
            raise UsageError(
                _("No passphrase is given for {path}.").format(path=arguments.key),
                advice=_("Type one, set {variable}, or say --no-passphrase.").format(variable=PASSPHRASE),
            )
    key = generate_key(arguments.key, secret)
    show(_("Private key: {path} (keep it where only signers can read it)").format(path=arguments.key))
    show(_("Public key:  {path}.pub").format(path=arguments.key))
    show(_("Fingerprint: {fingerprint}").format(fingerprint=key.fingerprint))
    return commandline.DONE


def run_inspect(arguments: argparse.Namespace) -> int:
    """Show a bundle's facts; without --trust-key its signers are named, not judged."""
    keys = [read_public_key(path) for path in arguments.trust_key]
    policy = pins(keys or inspection.claimed_signers(arguments.bundle))
    facts = inspection.describe(open_bundle(arguments.bundle, policy), judged=bool(keys))
    if arguments.json:
        show_json(facts)
    else:
        for line in inspection.lines(facts):
            show(line)
    return commandline.DONE

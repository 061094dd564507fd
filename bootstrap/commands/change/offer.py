"""The tool without a command, next to a bundle: verify it, say what it is and what would be done, ask, install."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from bootstrap import api
from bootstrap.commands import common
from bootstrap.commands.change import install
from bundle.opening import INSTALLER_MEMBER
from installer.layout.location import own_command
from installer.release.launchers import file_name
from shared.errors import TrustError, UsageError
from shared.i18n import _
from shared.terminal import counted
from shared.terminal.commandline import DONE
from shared.terminal.console import agrees, can_ask, complain, human_bytes, reply, show

if TYPE_CHECKING:
    import argparse

    from bundle.opening import Bundle
    from installer.layout.prefix import Prefix

SLIP = "RAGTRACE_SLIP"  # what was typed from the slip before this started (install.bat, install.sh)
LEAST = 8  # characters to type of the slip's digest
TRIES = 3
USAGE, UNFIT = 2, 4


def run(arguments: argparse.Namespace) -> int:
    """Verify the bundle, print what it is and what it will do, and install it if the operator agrees."""
    typed = os.environ.get(SLIP)
    if not can_ask() and not typed:
        return show_commands()
    # 1. Verify it, and judge it under the policies of this host.
    bundle = api.verify(progress=common.progress_of(arguments))
    prefix = api.prefix_for(bundle, arguments.prefix)
    findings = api.plan(bundle, arguments.prefix)
    effect = api.effect_of(bundle, arguments.prefix)
    # 2. Say what it is, and what will be done.
    for line in lines(bundle, prefix):
        show(line)
    if effect.already:
        install.show_already(bundle)
        return DONE
    unfit = [finding for finding in findings if not finding.fits]
    for finding in unfit:
        show(install.finding_line(finding))
    if unfit:
        common.show_readiness(len(unfit))
        return UNFIT
    # 3. Ask, and install.
    confirm(bundle, prefix, typed)
    return install.carry_out(bundle, arguments)


def show_commands() -> int:
    """Print what to type where nobody can be asked; nothing is installed."""
    complain(_("Nothing was installed, because no terminal is available to ask."))
    show(_("To verify the bundle:     {command}").format(command=own_command.line("verify")))
    show(_("To see what would happen: {command}").format(command=own_command.line("install", "--dry-run")))
    show(_("To install it:            {command}").format(command=own_command.line("install")))
    return USAGE


def lines(bundle: Bundle, prefix: Prefix) -> list[str]:
    """Return the three lines of a bundle: what it is, what will be done, and what follows."""
    manifest, active = bundle.manifest, prefix.active()
    product, former = manifest.product, ""
    if active is not None and not active.is_of(bundle):
        former = install.version_of(prefix, active.id) or active.id
    names = ", ".join(signer.key.fingerprint for signer in bundle.signers)
    what = _("{title} {version}, {packages}; signed by {names}, every byte verified.").format(
        title=product.title, version=product.version, packages=counted.packages(len(manifest.packages)), names=names
    )
    if former:
        done = _("It replaces version {former} in {prefix}; settings and data stay.")
    else:
        done = _("It will be installed in {prefix} and take {size}.")
    facts = {"former": former, "prefix": prefix.root, "size": human_bytes(manifest.installed_bytes)}
    command = next((prefix.bin / file_name(each) for each in manifest.application.commands), None)
    tool = own_command.in_prefix(prefix.root)
    undo = own_command.line_after(tool, "rollback" if former else "uninstall")
    if command is None:
        after = _("To undo it afterwards: {undo}").format(undo=undo)
    else:
        after = _("To start it afterwards: {command}; to undo it: {undo}").format(command=command, undo=undo)
    return [what, done.format(**facts), after]


def confirm(bundle: Bundle, prefix: Prefix, typed: str | None) -> None:
    """Return if the operator agrees: with the slip in hand, or with a word where the host knows the signers.

    Raises UsageError if not, TrustError if what was typed is not on the slip of this installer.
    """
    if typed:
        if not is_on_slip(bundle, typed):
            raise not_on_slip()
        return
    if api.is_known(bundle, prefix):
        complain(_("Install it now? [Y/n]"))
        if agrees(reply(), default=True):
            return
    elif compared(bundle):
        return
    raise UsageError(_("Nothing was installed."), advice=_("Start it again when you are ready."))


def compared(bundle: Bundle) -> bool:
    """Ask for what the slip says, and return whether it was typed, or False if nothing was."""
    complain(
        _("This host does not know the signers yet: compare ragtrace-install.pyz with the trust slip (out of band).")
    )
    complain(_("Type the first 8 characters of the slip's SHA-256 to install, or press Enter to cancel:"))
    for attempt in range(TRIES):
        typed = reply()
        if not typed:
            return False
        if is_on_slip(bundle, typed):
            return True
        if attempt < TRIES - 1:
            complain(_("The SHA-256 of this installer begins otherwise. Type the characters on the slip:"))
    raise not_on_slip()


def is_on_slip(bundle: Bundle, typed: str) -> bool:
    """Return whether these are the first characters, at least 8, of the installer's SHA-256, as the slip has it."""
    given, entry = "".join(typed.split()).lower(), bundle.manifest.entry(INSTALLER_MEMBER)
    return entry is not None and len(given) >= LEAST and entry.sha256.startswith(given)


def not_on_slip() -> TrustError:
    """Return the error for an installer that is not the one of the slip."""
    return TrustError(
        _("The SHA-256 of ragtrace-install.pyz does not begin with what you typed, so nothing was installed."),
        advice=_("Compare it with the slip again; if the slip differs, ask the sender for the bundle again."),
    )

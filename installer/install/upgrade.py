"""Passing control to the installer of a newer release, which runs only after all of its bytes have been verified."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING

from bundle.names import INSTALLER
from bundle.opening import INSTALLER_MEMBER
from bundle.reading.medium import checked_blocks, file_blocks
from installer.change import transaction
from installer.install import delta, preflight
from installer.layout.location.own_command import COPY_OF
from installer.layout.store import Store
from shared.errors import InstallError, UsageError
from shared.files import temp_folders
from shared.i18n import _
from shared.processes import ending, process

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bundle.opening import Bundle
    from installer.layout.prefix import Prefix
    from installer.trust.admission import AdmittedBundle

# what ``bootstrap.launch`` of the running installer passes to its own code
OWN_VARIABLES = ("RAGTRACE_ZIPAPP", "RAGTRACE_CALLER_NAMES", "RAGTRACE_CACHE_ROOT", "RAGTRACE_PREFIX", COPY_OF)


def pass_control(admitted: AdmittedBundle, folder: Path, options: Sequence[str]) -> int:
    """Run the installer of an admitted bundle from a verified private copy; return its exit code.

    The copy is hashed as it is written, and only the copy runs, so a file that is swapped on the medium meanwhile is
    refused or never read. The copy exists until that installer ends, and that installer ends when this process does.
    Raises InstallError if a signal terminated the installer, AskedToEnd if that signal was a request to end.
    """
    bundle, prefix = admitted.bundle, admitted.prefix
    store = Store(prefix.store)
    # 1. check that this host has the base of a delta bundle
    preflight.require_ok(list(delta.findings(bundle, store)))
    # 2. write a copy, verifying every byte
    with temp_folders.folder(prefix.state, shared=True) as private:
        copy = private / INSTALLER
        copy_installer(bundle, copy, store)
        # 3. run it: holding the lock, it admits the bundle again and installs it
        argv = [sys.executable, "-I", "-B", str(copy), "install", os.path.abspath(folder)]
        environment = {name: value for name, value in os.environ.items() if name not in OWN_VARIABLES}
        code = process.attend([*argv, "--prefix", str(prefix.root), *options], env=environment)
    # 4. report what it could not report itself
    if code < 0:
        transaction.resolve_if_unlocked(prefix)  # undo what it began before reporting the state
        raise _killed(-code, prefix, bundle)
    return code


def _killed(number: int, prefix: Prefix, bundle: Bundle) -> BaseException:
    """Return the error for a newer installer that a signal terminated, including which release is active now."""
    if number in (signal.SIGINT, *ending.ASKING):
        return ending.AskedToEnd(number)  # it had not yet installed its own signal handlers
    active = prefix.active()
    if active is None:
        advice = _("No release is active. Run recover.")
    elif active.is_of(bundle):
        advice = _("The active release is now {release}. Run validate.").format(release=active.id)
    else:
        advice = _("The active release is still {release}. Run upgrade again.").format(release=active.id)
    names = {int(known): known.name for known in signal.Signals}
    what = _("The installer of the newer release was terminated by {signal}.").format(signal=names.get(number, number))
    return InstallError(what, advice=advice)


def copy_installer(bundle: Bundle, copy: Path, store: Store) -> None:
    """Write the bundle's installer to a new file; if a delta bundle omits it, it is read from the store.

    Raises UsageError if the installer is missing, TrustError unless every byte matches the signed digest.
    """
    member = bundle.manifest.entry(INSTALLER_MEMBER)
    assert member is not None  # open_bundle checked it
    location = bundle.location
    stored = [store.path(member.sha256)] if member in bundle.left_out else []
    beside = (location.parent / INSTALLER, location / INSTALLER, location / INSTALLER_MEMBER, *stored)
    found = next((path for path in beside if os.path.lexists(path)), None)
    if found is None:
        raise UsageError(
            _("{path}: {name} is not next to the bundle.").format(path=location, name=INSTALLER),
            advice=_("Transfer the whole bundle folder."),
        )
    with copy.open("xb") as file:
        for block in checked_blocks(member, file_blocks(found, INSTALLER)):
            file.write(block)

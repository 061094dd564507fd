"""What several commands of the builder share: the signer's passphrase."""

from __future__ import annotations

import getpass
import os
import sys
from functools import partial
from typing import TYPE_CHECKING

from bootstrap.i18n import _
from builder.sign import load_signer

if TYPE_CHECKING:
    from pathlib import Path

    from builder.sign import Signer

PASSPHRASE = "RAGTRACE_KEY_PASSPHRASE"  # noqa: S105 - the name of a variable


def passphrase(path: Path) -> bytes | None:
    """Return the passphrase of a key: from the variable, else from a person, else None."""
    given = os.environ.get(PASSPHRASE)
    if given is not None:
        return given.encode()
    if not sys.stdin.isatty():
        return None
    return getpass.getpass(_("Passphrase of {path}: ").format(path=path)).encode()


def signer_of(path: Path) -> Signer:
    """Return the signer of a key file, asking for its passphrase when it has one."""
    return load_signer(path, partial(passphrase, path))

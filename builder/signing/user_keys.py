"""The keys of this user: their passphrases, asked for once, and the signers that they make."""

from __future__ import annotations

import getpass
import os
from functools import partial
from typing import TYPE_CHECKING

from builder.signing.sign import load_signer, too_many_signatures
from bundle.signing.signature import SIGNATURES_LIMIT
from shared.errors import UsageError
from shared.i18n import _
from shared.terminal.console import can_ask

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from builder.signing.sign import Signer

PASSPHRASE = "RAGTRACE_KEY_PASSPHRASE"  # noqa: S105 - the name of a variable


def passphrase(path: Path, *, new: bool = False) -> bytes | None:
    """Return the passphrase of a key from PASSPHRASE or the terminal, or None if there is neither.

    A ``new`` one is entered twice. Raises UsageError if the two differ.
    """
    given = os.environ.get(PASSPHRASE)
    if given is not None:
        return os.fsencode(given)
    if not can_ask():
        return None
    typed = _typed(_("Passphrase for {path}: ").format(path=path))
    if new and typed and _typed(_("Enter the same passphrase again: ")) != typed:
        raise UsageError(_("The passphrases do not match."), advice=_("Run the command again."))
    return typed.encode("utf-8", "surrogateescape")


def _typed(prompt: str) -> str:
    """Return a line typed without echo. Raises UsageError if the input ends (Ctrl-D) or is not valid text."""
    try:
        return getpass.getpass(prompt)
    except UnicodeError as error:
        raise UsageError(
            _("The passphrase is not valid text in the encoding of this terminal."),
            advice=_("Enter it in UTF-8, or set {variable}.").format(variable=PASSPHRASE),
        ) from error
    except (EOFError, OSError) as error:  # Ctrl-D; the terminal hung up
        raise UsageError(
            _("No passphrase was entered: the input ended."),
            advice=_("Run the command again, or set {variable}.").format(variable=PASSPHRASE),
        ) from error


def default_key() -> Path:
    """Return the path of this user's signing key, the default if none is specified."""
    from shared.files import folders

    return folders.user_settings(folders.TOOL) / "signing-key"


def signers_of(paths: Iterable[Path]) -> tuple[Signer, ...]:
    """Return the signers of key files in order; a key that is specified twice needs its passphrase only once."""
    paths = list(paths)
    if len(paths) > SIGNATURES_LIMIT:
        raise too_many_signatures(paths[-1])
    known: dict[Path, Signer] = {}
    return tuple(known.get(path.resolve()) or known.setdefault(path.resolve(), signer_of(path)) for path in paths)


def signer_of(path: Path) -> Signer:
    """Return the signer of a key file, asking for its passphrase if it has one."""
    return load_signer(path, partial(passphrase, path))

"""Whom this host trusts: the keys pinned in the zipapp, or those that the operator names."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from bootstrap.bundle.policy import parse_policy, pins
from bootstrap.bundle.signature import KEY_LIMIT, parse_public_key
from bootstrap.errors import TrustError, UsageError
from bootstrap.i18n import _

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bootstrap.bundle.policy import Policy

PINS = "policy.json"  # a member of the zipapp


def zipapp() -> Path | None:
    """Return the zipapp that this code runs from (its launcher says so), or None in a source tree."""
    named = os.environ.get("RAGTRACE_ZIPAPP")
    return Path(named) if named else None


def policy(trusted_keys: Sequence[str] = ()) -> Policy:
    """Return the policy that judges bundles: the operator's keys if any are named, else the pinned ones.

    A key is an OpenSSH public key line or a file that holds one. Raises TrustError when there is
    nobody to trust: nothing is ever accepted for want of a policy.
    """
    if trusted_keys:
        return pins([parse_public_key(_line(key)) for key in trusted_keys])
    running = zipapp()
    if running is not None:
        with zipfile.ZipFile(running) as archive:
            if PINS in archive.namelist():
                return parse_policy(archive.read(PINS), PINS)
    raise TrustError(
        _("This installer has no trusted keys in it, so it accepts no bundle."),
        advice=_("Use the ragtrace-install.pyz that came with the bundle, or name the signer's key with --trust-key."),
    )


def _line(key: str) -> str:
    path = Path(key)
    if key.startswith(("ssh-", "ecdsa-", "sk-")):
        return key
    try:
        if path.stat().st_size > KEY_LIMIT:
            raise UsageError(_("{path} is not a public key.").format(path=path))
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            _("{path}: the public key cannot be read.").format(path=path), advice=_("Name a .pub file.")
        ) from error

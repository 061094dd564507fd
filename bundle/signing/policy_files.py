"""Finding policies in a zipapp or among files that the user supplies, and showing them."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING, Any

from bundle.signing import chain
from bundle.signing.policy import parse_policy
from bundle.signing.small_files import names_in, read_small
from shared import reading, troubles
from shared.errors import HostError, TrustError, UsageError
from shared.files import refused
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bundle.signing.policy import Policy

PINS = "policy.json"  # a member of the zipapp


def pinned_policy(installer: Path | None) -> Policy | None:
    """Return the policy inside a zipapp, or None if it has none or there is no zipapp."""
    if installer is None:
        return None
    try:
        with reading.opened(installer, follow=True) as file, zipfile.ZipFile(file) as archive:
            return parse_policy(archive.read(PINS), PINS) if PINS in archive.namelist() else None
    except (OSError, zipfile.BadZipFile) as error:
        broken = refused.behind(error)
        if broken is not None:
            kind = HostError if troubles.is_of_the_host(broken, installer) else TrustError
            raise troubles.trouble(broken, troubles.READING_MEDIUM, path=installer, kind=kind) from error
        raise TrustError(
            _("{path} cannot be read: {reason}.").format(path=installer, reason=error),
            advice=_("Copy the file again and compare its SHA-256 with one received out of band."),
        ) from error


def offered(paths: Sequence[Path]) -> list[chain.Signed]:
    """Return the policies in the given files and folders; a file's signatures are next to it."""
    found: dict[int, chain.Signed] = {}
    for path in paths:
        if not path.exists():
            raise UsageError(
                _("{path} does not exist.").format(path=path), advice=_("Specify the policy files or their folder.")
            )
        folder = path if path.is_dir() else path.parent
        names = [name for name in names_in(folder) if path.is_dir() or name.startswith(path.name)]
        for signed in chain.read_all(names, lambda name, folder=folder: read_small(folder / name)):  # type: ignore[misc]
            found[signed.policy.number] = signed
    return [found[number] for number in sorted(found)]


def policy_json(policy: Policy) -> dict[str, Any]:
    """Return a policy as JSON values for users and programs: fingerprints rather than keys."""
    keys = []
    for signer in policy.signers:
        facts = signer.to_json()
        del facts["key"]
        keys.append({"keyid": signer.key.keyid, "fingerprint": signer.key.fingerprint, **facts})
    roles = {name: role.to_json() for name, role in policy.roles.items()}
    return {"number": policy.number, "roles": roles, "keys": keys}

"""Verify the provenance object (PEP 740) of a wheel with sigstore, and return its publishers."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from builder.fetch.simple_index import UnansweredError
from shared.errors import BuildError
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Mapping

    from builder.lock.locked import LockedWheel


def verify(wheel: LockedWheel, index: str, provenance: bytes) -> list[Mapping[str, Any]]:
    """Return the publisher of a wheel from each attestation in a provenance object (PEP 740).

    Raises BuildError unless there is at least one and all are valid for this wheel; UnansweredError if the data
    is not a provenance object of a supported version.
    """
    from pydantic import ValidationError
    from pypi_attestations import Distribution, Provenance

    require_root()
    host = urlsplit(index).hostname or "?"
    try:
        bundles = Provenance.model_validate_json(provenance).attestation_bundles
    except (ValidationError, ValueError, RecursionError) as error:
        raise UnansweredError(
            _("{host}: cannot read the provenance of {wheel}").format(host=host, wheel=wheel.filename)
        ) from error
    publishers: list[Mapping[str, Any]] = []
    try:
        for bundle in bundles:
            for attestation in bundle.attestations:
                distribution = Distribution(name=wheel.published, digest=wheel.sha256)
                attestation.verify(bundle.publisher, distribution, offline=True)
                publishers.append({"predicate": attestation.statement["predicateType"], **_facts(bundle.publisher)})
    except Exception as error:  # any exception that the library raises on untrusted data means that it is invalid
        raise _broken(wheel, host, (str(error) or type(error).__name__).splitlines()[0]) from error
    if not publishers:
        raise _broken(wheel, host, _("no attestation found"))
    return publishers


def require_root() -> None:
    """Raise BuildError unless this user's sigstore trust root can be read, without network access."""
    from sigstore.models import ClientTrustConfig

    logging.getLogger("sigstore").setLevel(logging.ERROR)  # it warns about the offline mode
    try:
        ClientTrustConfig.production(offline=True)
    except Exception as error:
        raise BuildError(
            _("Cannot read the sigstore trust root of this user: {reason}.").format(
                reason=(str(error) or type(error).__name__).splitlines()[0]
            ),
            advice=_("Remove sigstore-python from this user's cache, or build with --attestations off."),
        ) from error


def _facts(publisher: Any) -> dict[str, Any]:
    """Return the index's description of a publisher, without the environment, which the certificate does not prove."""
    said = publisher.model_dump(exclude={"environment"})
    return {name: value for name, value in sorted(said.items()) if value is not None}


def _broken(wheel: LockedWheel, host: str, reason: str) -> BuildError:
    return BuildError(
        _("{wheel}: the attestation from {host} is not valid: {reason}.").format(
            wheel=wheel.filename, host=host, reason=reason.rstrip(".")
        ),
        advice=_("Do not use this wheel until its maintainers have explained the problem; no bundle was created."),
    )

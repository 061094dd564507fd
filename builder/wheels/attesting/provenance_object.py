"""Verify the provenance object (PEP 740) of a wheel with sigstore, and return its publishers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from builder.fetch.simple_index import UNREADABLE, UnansweredError
from bundle import strict
from shared.errors import BuildError, TrustError
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pypi_attestations import Attestation, Publisher

    from builder.lock.locked import LockedWheel
    from builder.wheels.attesting.attestation_trust import Root

STATEMENT = "https://in-toto.io/Statement/v1"
STATEMENT_LIMIT = 1 << 20  # bytes


def verify(wheel: LockedWheel, index: str, provenance: bytes, root: Root) -> list[Mapping[str, Any]]:
    """Return the publisher of a wheel from each attestation in a provenance object (PEP 740).

    Raises BuildError unless there is at least one and all are valid for this wheel; UnansweredError if the data
    is not a provenance object of a supported version.
    """
    from pydantic import ValidationError
    from pypi_attestations import Provenance

    host = urlsplit(index).hostname or index or "?"
    try:
        bundles = Provenance.model_validate_json(provenance).attestation_bundles
    except (ValidationError, ValueError, RecursionError) as error:
        raise UnansweredError(
            _("{host}: cannot read the provenance of {wheel}").format(host=host, wheel=wheel.filename), UNREADABLE
        ) from error
    publishers: list[Mapping[str, Any]] = []
    try:
        for bundle in bundles:
            for attestation in bundle.attestations:
                predicate = _predicate(attestation, bundle.publisher, wheel, root)
                publishers.append({"predicate": predicate, **_facts(bundle.publisher)})
    except Exception as error:  # any exception that the library raises on untrusted data means that it is invalid
        reason = error.what if isinstance(error, TrustError) else str(error) or type(error).__name__
        raise _broken(wheel, host, reason.splitlines()[0]) from error
    if not publishers:
        raise _broken(wheel, host, _("no attestation found"))
    return publishers


def _predicate(attestation: Attestation, publisher: Publisher, wheel: LockedWheel, root: Root) -> str:
    """Verify one attestation, and return the type of its predicate. Raises an error of any kind.

    1. sigstore verifies certificate, logs and signature by the trust root, and the publisher by the certificate.
    2. The statement has one subject, the wheel: its digest, and a file name that means the same.
    """
    from pypi_attestations import AttestationType
    from sigstore.verify import Verifier

    verifier = Verifier(trusted_root=root.trusted)
    policy = publisher._as_policy()  # noqa: SLF001 - the library's own verify() takes no trust root
    _kind, payload = verifier.verify_dsse(attestation.to_bundle(), policy)
    statement = strict.loads(payload, "statement", limit=STATEMENT_LIMIT)
    if not isinstance(statement, dict) or statement.get("_type") != STATEMENT:
        raise ValueError(_("invalid statement"))
    subjects = statement.get("subject")
    if not isinstance(subjects, list) or len(subjects) != 1 or not isinstance(subjects[0], dict):
        raise ValueError(_("the statement does not have exactly one subject"))
    _require_subject(subjects[0], wheel)
    return AttestationType(statement.get("predicateType")).value


def _require_subject(subject: dict[str, Any], wheel: LockedWheel) -> None:
    name, digests = subject.get("name"), subject.get("digest")
    if not isinstance(name, str) or not _means(name, wheel):
        reason = _("the subject does not match: expected {wheel}, got {name}")
        raise ValueError(reason.format(name=ascii(name)[:200], wheel=wheel.published))
    if not isinstance(digests, dict) or digests.get("sha256") != wheel.sha256:
        raise ValueError(_("the digest of the subject differs from that of the wheel"))


def _means(name: str, wheel: LockedWheel) -> bool:
    """Return whether a file name is that of a wheel; the bundle's own name may have only one of its tags."""
    try:
        project, version, build, tags = parse_wheel_filename(name)
        own = parse_wheel_filename(wheel.filename)
    except InvalidWheelFilename:
        return False
    return (project, version, build) == own[:3] and own[3] <= tags


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

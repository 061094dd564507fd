"""A sigstore of one's own: a certificate authority, its log and a transparency log, as its verifier takes them.

Its trust root (trusted_root.json) goes where sigstore keeps the production one for a user, so attestations are signed
here and checked by the real library.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
import struct
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

REPOSITORY, WORKFLOW = "tests/demo", "release.yml"
ISSUER = "https://token.actions.githubusercontent.com"
PUBLISHER = {"kind": "GitHub", "repository": REPOSITORY, "workflow": WORKFLOW}
PUBLISH = "https://docs.pypi.org/attestations/publish/v1"
TUF = "https://tuf-repo-cdn.sigstore.dev"
ORIGIN = "log.localhost - 1"
REF, COMMIT = "refs/tags/v1", "0" * 40
# Fulcio's certificate extensions (fulcio, docs/oid-info.md)
CLAIMS = {
    "1.3.6.1.4.1.57264.1.8": ISSUER,
    "1.3.6.1.4.1.57264.1.12": f"https://github.com/{REPOSITORY}",
    "1.3.6.1.4.1.57264.1.13": COMMIT,
    "1.3.6.1.4.1.57264.1.14": REF,
    "1.3.6.1.4.1.57264.1.18": f"https://github.com/{REPOSITORY}/.github/workflows/{WORKFLOW}@{REF}",
}
SCT_LIST = x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")  # RFC 6962, 3.3
NOW = dt.datetime(2026, 1, 31, 12, 0, tzinfo=dt.timezone.utc)
YEAR = dt.timedelta(days=365)


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def der(key: ec.EllipticCurvePrivateKey) -> bytes:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.DER, form)


def utf8_string(text: str) -> bytes:
    """Return a short text as DER."""
    data = text.encode()
    length = bytes([len(data)]) if len(data) < 0x80 else bytes([0x81, len(data)])
    return b"\x0c" + length + data


def octets(data: bytes) -> bytes:
    length = bytes([len(data)]) if len(data) < 0x80 else bytes([0x81, len(data)])
    return b"\x04" + length + data


def canonical(value: Any) -> bytes:
    """Return JSON in the one form that is signed (RFC 8785, for what is used here)."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


class Sigstore:
    """Whoever may sign and bear witness: keys and a trust root."""

    def __init__(self) -> None:
        self.authority, self.certificates, self.log, self.leaf = (
            ec.generate_private_key(ec.SECP256R1()) for _ in "1234"
        )
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tests")])
        self.name = name
        self.root = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self.authority.public_key())
            .serial_number(1)
            .not_valid_before(NOW - YEAR)
            .not_valid_after(NOW + 30 * YEAR)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(sign_certificates=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self.authority.public_key()), critical=False)
            .sign(self.authority, hashes.SHA256())
        )

    def trusted_root(self) -> dict[str, Any]:
        """Return what verifiers trust (sigstore's protobuf-specs, TrustedRoot)."""

        def instance(key: ec.EllipticCurvePrivateKey) -> dict[str, Any]:
            return {
                "baseUrl": "https://log.localhost",
                "hashAlgorithm": "SHA2_256",
                "publicKey": {
                    "rawBytes": b64(der(key)),
                    "keyDetails": "PKIX_ECDSA_P256_SHA_256",
                    "validFor": {"start": "2020-01-01T00:00:00Z"},
                },
                "logId": {"keyId": b64(hashlib.sha256(der(key)).digest())},
            }

        chain = {"certificates": [{"rawBytes": b64(self.root.public_bytes(serialization.Encoding.DER))}]}
        return {
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [instance(self.log)],
            "certificateAuthorities": [
                {
                    "subject": {"organization": "tests", "commonName": "tests"},
                    "uri": "https://authority.localhost",
                    "certChain": chain,
                    "validFor": {"start": "2020-01-01T00:00:00Z"},
                }
            ],
            "ctlogs": [instance(self.certificates)],
            "timestampAuthorities": [],
        }

    def trust_here(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let this user's sigstore trust it, from a folder of its own."""
        for name in ("XDG_CACHE_HOME", "XDG_DATA_HOME"):
            monkeypatch.setenv(name, str(folder / name))
        place = folder / "XDG_CACHE_HOME" / "sigstore-python" / "tuf" / quote(TUF, safe="")
        place.mkdir(parents=True)
        (place / "trusted_root.json").write_bytes(canonical(self.trusted_root()))

    def certificate(self, claims: dict[str, str] | None = None) -> x509.Certificate:
        """Return a certificate for the leaf key, with the timestamp of the log of certificates in it."""
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([]))
            .issuer_name(self.name)
            .public_key(self.leaf.public_key())
            .serial_number(2)
            .not_valid_before(NOW - dt.timedelta(minutes=1))
            .not_valid_after(NOW + dt.timedelta(minutes=9))
            .add_extension(_usage(), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.authority.public_key()), critical=False
            )
            .add_extension(
                x509.SubjectAlternativeName([x509.UniformResourceIdentifier(CLAIMS["1.3.6.1.4.1.57264.1.18"])]),
                critical=True,
            )
        )
        for oid, text in {**CLAIMS, **(claims or {})}.items():
            extension = x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), utf8_string(text))
            builder = builder.add_extension(extension, critical=False)
        precertificate = builder.sign(self.authority, hashes.SHA256()).tbs_certificate_bytes
        listed = x509.UnrecognizedExtension(SCT_LIST, octets(self._timestamps(precertificate)))
        return builder.add_extension(listed, critical=False).sign(self.authority, hashes.SHA256())

    def _timestamps(self, precertificate: bytes) -> bytes:
        """Return the log's promise for a certificate, as a list of one (RFC 6962, 3.2 and 3.3)."""
        moment = int(NOW.timestamp() * 1000)
        issuer = hashlib.sha256(der(self.authority)).digest()
        entry = struct.pack(">32s3s", issuer, len(precertificate).to_bytes(3, "big")) + precertificate
        signed = struct.pack(">BBQH", 0, 0, moment, 1) + entry + struct.pack(">H", 0)
        signature = self.certificates.sign(signed, ec.ECDSA(hashes.SHA256()))
        key_id = hashlib.sha256(der(self.certificates)).digest()
        promise = struct.pack(">B32sQHBBH", 0, key_id, moment, 0, 4, 3, len(signature)) + signature
        one = struct.pack(">H", len(promise)) + promise
        return struct.pack(">H", len(one)) + one

    def attest(self, name: str, sha256: str, claims: dict[str, str] | None = None) -> dict[str, Any]:
        """Return an attestation (PEP 740) that a file of this name and digest was published."""
        statement = canonical(
            {
                "_type": "https://in-toto.io/Statement/v1",
                "subject": [{"name": name, "digest": {"sha256": sha256}}],
                "predicateType": PUBLISH,
                "predicate": None,
            }
        )
        kind = b"application/vnd.in-toto+json"
        encoded = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(statement), statement)
        signature = self.leaf.sign(encoded, ec.ECDSA(hashes.SHA256()))
        certificate = self.certificate(claims)
        return {
            "version": 1,
            "verification_material": {
                "certificate": b64(certificate.public_bytes(serialization.Encoding.DER)),
                "transparency_entries": [self._entry(statement, signature, certificate)],
            },
            "envelope": {"statement": b64(statement), "signature": b64(signature)},
        }

    def _entry(self, statement: bytes, signature: bytes, certificate: x509.Certificate) -> dict[str, Any]:
        """Return the entry of a log that holds nothing else (rekor, dsse 0.0.1)."""
        digest = {"algorithm": "sha256", "value": hashlib.sha256(statement).hexdigest()}
        verifier = b64(certificate.public_bytes(serialization.Encoding.PEM))
        spec = {
            "envelopeHash": digest,
            "payloadHash": digest,
            "signatures": [{"signature": b64(signature), "verifier": verifier}],
        }
        body = canonical({"apiVersion": "0.0.1", "kind": "dsse", "spec": spec})
        key_id, leaf = hashlib.sha256(der(self.log)).digest(), hashlib.sha256(b"\0" + body).digest()
        note = f"{ORIGIN}\n1\n{b64(leaf)}\n"
        noted = b64(key_id[:4] + self.log.sign(note.encode(), ec.ECDSA(hashes.SHA256())))
        moment = int(NOW.timestamp())
        promised = canonical({"body": b64(body), "integratedTime": moment, "logID": key_id.hex(), "logIndex": 0})
        return {
            "logIndex": "0",
            "logId": {"keyId": b64(key_id)},
            "kindVersion": {"kind": "dsse", "version": "0.0.1"},
            "integratedTime": str(moment),
            "inclusionPromise": {"signedEntryTimestamp": b64(self.log.sign(promised, ec.ECDSA(hashes.SHA256())))},
            "inclusionProof": {
                "logIndex": "0",
                "rootHash": b64(leaf),
                "treeSize": "1",
                "hashes": [],
                "checkpoint": {"envelope": f"{note}\n\u2014 log.localhost {noted}\n"},
            },
            "canonicalizedBody": b64(body),
        }

    def provenance(self, name: str, sha256: str, claims: dict[str, str] | None = None, **publisher: str) -> bytes:
        """Return the provenance object of a file, as an index serves it."""
        said = {**PUBLISHER, **publisher}
        bundle = {"publisher": said, "attestations": [self.attest(name, sha256, claims)]}
        return canonical({"version": 1, "attestation_bundles": [bundle]})


def _usage(*, sign_certificates: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not sign_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=sign_certificates,
        crl_sign=sign_certificates,
        encipher_only=False,
        decipher_only=False,
    )

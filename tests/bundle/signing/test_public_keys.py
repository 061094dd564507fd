"""Public keys as lines of text: one form of each, and none that is weak."""

import base64

import pytest

from bundle.signing import signature
from bundle.signing.signature import ECDSA, ED25519, SK_ED25519, PublicKey, parse_public_key, wire
from shared.errors import TrustError
from tests.keys import ALL_KINDS, SoftKey, keygen, needs_keygen


@needs_keygen
@pytest.mark.parametrize("kind", ["ed25519", "ecdsa"])
def test_a_key_shows_as_ssh_keygen_shows_it(key_files, kind):
    path = key_files / f"{kind}.pub"
    key = parse_public_key(path.read_text())
    assert key.fingerprint == keygen("-l", "-f", path).stdout.decode().split()[1]
    assert key.line("somebody" if kind == "ed25519" else "") == path.read_text().strip()


def raw_key_line(*parts):
    blob = wire(*parts)
    return f"{parts[0].decode()} {base64.b64encode(blob).decode()}"


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_a_key_reads_its_own_line(kind):
    key = SoftKey(kind).key
    assert parse_public_key(key.line()) == key
    assert parse_public_key(key.line("a comment") + "\n") == key
    assert key.line("a comment").endswith(" a comment")


def test_a_key_has_names():
    key = PublicKey(ED25519, b"blob")
    assert key.keyid == "fa2c8cc4f28176bb"
    assert key.fingerprint == "SHA256:+iyMxPKBdrvu1Lc231aaNMec03I+nsQvlnS01GrGuLg"


def test_weak_keys():
    prime = 2**255 - 19
    weak = [*signature._ED25519_WEAK, prime, prime + 1, 2**255 - 1]
    for y in weak:
        for sign in (0, 1 << 255):
            line = raw_key_line(b"ssh-ed25519", (y | sign).to_bytes(32, "little"))
            with pytest.raises(TrustError, match="so weak that anybody can sign"):
                parse_public_key(line)


def test_malformed_keys():
    good, point = SoftKey(ECDSA), SoftKey(ECDSA).point
    compressed = bytes([2 + (point[-1] & 1)]) + point[1:33]
    cases = {
        "not 32 bytes": [b"ssh-ed25519", bytes(31)],
        "trailing bytes": [b"ssh-ed25519", SoftKey(ED25519).point, b""],
        "is not supported": [b"ssh-rsa", b"\1\0\1", bytes(256)],
        "not nistp256": [ECDSA.encode(), b"nistp384", good.point],
        "uncompressed": [ECDSA.encode(), b"nistp256", compressed],
        "not a point on the curve": [ECDSA.encode(), b"nistp256", good.point[:-1] + bytes([good.point[-1] ^ 1])],
        "truncated": [SK_ED25519.encode(), SoftKey(ED25519).point],
        "form ssh:name": [SK_ED25519.encode(), SoftKey(ED25519).point, b"web"],
    }
    for reason, parts in cases.items():
        with pytest.raises(TrustError, match=reason):
            parse_public_key(raw_key_line(*parts))


def test_malformed_lines():
    line = SoftKey(ED25519).key.line()
    kind, text = line.split()
    cases = [
        "",
        kind,
        f" {line}",
        f"{kind}  {text}",
        f"{kind}\t{text}",
        f'namespaces="x" {line}',
        f"{line}\n{line}",
        f"{line}\n\n",
        f"{line} evil\x1b[2J",
        f"{kind} {text}=",
        f"{kind} {text[:-1]}",
        f"{kind} {text[:20]}!{text[20:]}",
        f"{kind} \ud800{text}",
        f"{ECDSA} {text}",
        line + " " + "x" * 5000,
    ]
    for case in cases:
        with pytest.raises(TrustError) as caught:
            parse_public_key(case)
        assert caught.value.what.isprintable()
        assert "ssh-ed25519" in caught.value.advice


def test_base64_has_one_form():
    # 51 bytes need no padding, a comment-bearing blob may: the last character's unused bits count
    key = SoftKey(ECDSA).key
    text = key.line().split()[1]
    assert text.endswith("=")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    last = text.rstrip("=")[-1]
    other = text.rstrip("=")[:-1] + alphabet[alphabet.index(last) + 1] + "=" * text.count("=")
    assert base64.b64decode(other) == key.blob
    with pytest.raises(TrustError, match="its base64 is not canonical"):
        parse_public_key(f"{ECDSA} {other}")

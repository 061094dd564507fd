import base64
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from bundle.signing.signature import (
    ECDSA,
    ED25519,
    SK_ECDSA,
    SK_ED25519,
    PublicKey,
    encode,
    mpint,
    parse_public_key,
    signed_data,
    verify,
    wire,
)
from shared.errors import TrustError
from tests.keys import ALL_KINDS, SoftKey, keygen, keygen_accepts, needs_keygen

NAMESPACE = "ragtrace-release@v1"
MESSAGE = b"0123  MANIFEST.json\n"


def refusal(armoured, message=MESSAGE, namespace=NAMESPACE):
    with pytest.raises(TrustError) as caught:
        verify(armoured, message, namespace, name="SHA256SUMS.x.sig")
    assert caught.value.what.startswith("SHA256SUMS.x.sig: the signature is not valid: ")
    assert caught.value.advice
    return caught.value.what


def rearmour(blob):
    """Armour any bytes the way that ssh-keygen does."""
    text = base64.b64encode(blob)
    lines = [text[index : index + 70] for index in range(0, len(text), 70)]
    return b"\n".join([b"-----BEGIN SSH SIGNATURE-----", *lines, b"-----END SSH SIGNATURE-----", b""])


def envelope(key, *, version=1, namespace=NAMESPACE, reserved=b"", hash_name=b"sha512", blob=None, tail=b""):
    """Put a signature together with any part replaced."""
    made = key.blob(signed_data(NAMESPACE, "sha512", MESSAGE)) if blob is None else blob
    parts = wire(key.key.blob, namespace.encode(), reserved, hash_name, made)
    return rearmour(b"SSHSIG" + version.to_bytes(4, "big") + parts + tail)


# what ssh-keygen writes, we read


@needs_keygen
@pytest.mark.parametrize("kind", ["ed25519", "ecdsa"])
@pytest.mark.parametrize("hash_name", ["sha512", "sha256"])
@pytest.mark.parametrize("namespace", [NAMESPACE, *("n" * count for count in range(1, 60, 5))])
def test_reads_what_ssh_keygen_signs(key_files, kind, hash_name, namespace):
    options = ["-O", f"hashalg={hash_name}", "-f", key_files / kind, "-n", namespace]
    made = keygen("-Y", "sign", "-q", *options, stdin=MESSAGE)
    key = verify(made.stdout, MESSAGE, namespace)
    assert key == parse_public_key((key_files / f"{kind}.pub").read_text())


@needs_keygen
@pytest.mark.parametrize("kind", ALL_KINDS)
@pytest.mark.parametrize("hash_name", ["sha512", "sha256"])
def test_ssh_keygen_accepts_what_we_encode_and_accept(tmp_path, kind, hash_name):
    soft = SoftKey(kind)
    armoured = soft.sign(MESSAGE, NAMESPACE, hash_name)
    assert verify(armoured, MESSAGE, NAMESPACE) == soft.key
    assert keygen_accepts(tmp_path, armoured, MESSAGE, NAMESPACE)
    assert not keygen_accepts(tmp_path, armoured, MESSAGE + b"x", NAMESPACE)


@needs_keygen
def test_keys_of_other_kinds_are_refused(tmp_path):
    for kind, bits in (("rsa", "2048"), ("ecdsa", "384")):
        path = tmp_path / kind
        keygen("-q", "-t", kind, "-b", bits, "-N", "", "-f", path)
        made = keygen("-Y", "sign", "-q", "-f", path, "-n", NAMESPACE, stdin=MESSAGE).stdout
        assert "is not supported" in refusal(made)
        with pytest.raises(TrustError, match="is not supported"):
            parse_public_key(path.with_suffix(".pub").read_text())


# every byte counts


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_every_altered_byte_is_refused(kind):
    armoured = SoftKey(kind).sign(MESSAGE, NAMESPACE)
    for index in range(len(armoured)):
        # every bit, and the values that text tools are known to change things into
        values = {armoured[index] ^ (1 << bit) for bit in range(8)} | set(b"\r\n =-A/")
        for value in values - {armoured[index]}:
            refusal(armoured[:index] + bytes([value]) + armoured[index + 1 :])


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_every_cut_and_every_doubled_byte_is_refused(kind):
    armoured = SoftKey(kind).sign(MESSAGE, NAMESPACE)
    for index in range(len(armoured)):
        refusal(armoured[:index])
        refusal(armoured[index + 1 :])
        refusal(armoured[:index] + armoured[index : index + 1] + armoured[index:])
        refusal(armoured[:index] + armoured[index + 1 :])


FAULTS = {
    "none": envelope,
    "other hash signed": lambda soft: soft.sign(MESSAGE, NAMESPACE, "sha256"),
    "other hash named": lambda soft: envelope(soft, hash_name=b"sha256"),
    "weak hash": lambda soft: envelope(soft, hash_name=b"sha1"),
    "version": lambda soft: envelope(soft, version=2),
    "reserved": lambda soft: envelope(soft, reserved=b"x"),
    "tail": lambda soft: envelope(soft, tail=b"x"),
    "namespace": lambda soft: soft.sign(MESSAGE, "ragtrace-policy@v1"),
    "crlf": lambda soft: envelope(soft).replace(b"\n", b"\r\n"),
    "junk": lambda soft: envelope(soft) + b"\n",
}


@needs_keygen
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=st.sampled_from(ALL_KINDS),
    application=st.sampled_from([b"ssh:", b"ssh:", b"ssh:work", b"ssh:\xff", b"ssh:\0", b"web", b""]),
    flags=st.sampled_from([1, 1, 5, 0, 4, 0x41, 0x81]),
    counter=st.integers(0, 2**32 - 1),
    fault=st.sampled_from(["none", "none", "none", "other hash signed", *FAULTS]),
)
def test_what_we_accept_ssh_keygen_accepts(tmp_path, kind, application, flags, counter, fault):
    armoured = FAULTS[fault](SoftKey(kind, application, flags, counter))
    try:
        verify(armoured, MESSAGE, NAMESPACE)
    except TrustError:
        event("refused")
        return
    event("accepted")
    assert keygen_accepts(tmp_path, armoured, MESSAGE, NAMESPACE)


@needs_keygen
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(r=st.integers(0, 2**260), s=st.integers(0, 2**260), pad=st.sampled_from([b"", b"\0"]))
def test_numbers_that_ssh_keygen_refuses_are_refused(tmp_path, r, s, pad):
    soft = SoftKey(ECDSA)
    armoured = envelope(soft, blob=wire(ECDSA.encode(), wire(pad + mpint(r), mpint(s))))
    assert not keygen_accepts(tmp_path, armoured, MESSAGE, NAMESPACE)
    refusal(armoured)


# one rule, one sentence


def test_another_message():
    assert "one of the two was modified" in refusal(SoftKey(ED25519).sign(MESSAGE, NAMESPACE), message=b"other")
    assert "one of the two was modified" in refusal(SoftKey(ECDSA).sign(MESSAGE, NAMESPACE), message=b"other")


def test_another_namespace():
    armoured = SoftKey(ED25519).sign(MESSAGE, "ragtrace-policy@v1")
    assert "its namespace is 'ragtrace-policy@v1', not 'ragtrace-release@v1'" in refusal(armoured)


def test_an_empty_namespace_never_holds():
    assert "its namespace is ''" in refusal(SoftKey(ED25519).sign(MESSAGE, ""), namespace="")


def test_size():
    assert "larger than 16384 bytes" in refusal(b"-" * 16385)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: b"",
        lambda text: text.rstrip(b"\n"),
        lambda text: text + b"\n",
        lambda text: b"\n" + text,
        lambda text: b"\xef\xbb\xbf" + text,
        lambda text: text.replace(b"\n", b"\r\n"),
        lambda text: text + text,
        lambda text: b"-----BEGIN SSH SIGNATURE-----\n" + text,
        lambda text: b"-----BEGIN SSH SIGNATURE-----\n-----END SSH SIGNATURE-----\n",
        lambda text: text.replace(b"SSH SIGNATURE", b"PGP SIGNATURE"),
        lambda text: text.replace(b"\n-----END", b"\n\n-----END"),
        lambda text: text[:35] + b"\n" + text[35:],
        lambda text: text[:35] + b" " + text[35:],
        lambda text: text.replace(b"A", b"!", 1),
    ],
)
def test_armour(change):
    refusal(change(SoftKey(ED25519).sign(MESSAGE, NAMESPACE)))


def test_lines_of_another_width():
    armoured = SoftKey(ED25519).sign(MESSAGE, NAMESPACE)
    text = b"".join(armoured.split(b"\n")[1:-2])
    lines = [text[index : index + 76] for index in range(0, len(text), 76)]
    folded = b"\n".join([b"-----BEGIN SSH SIGNATURE-----", *lines, b"-----END SSH SIGNATURE-----", b""])
    assert "not in the format that ssh-keygen writes" in refusal(folded)


def test_envelope():
    soft = SoftKey(ED25519)
    assert verify(envelope(soft), MESSAGE, NAMESPACE) == soft.key
    assert "content is not an SSH signature" in refusal(rearmour(b"SSHSIH" + bytes(60)))
    assert "truncated" in refusal(rearmour(b"SSHSIG"))
    assert "truncated" in refusal(rearmour(b"SSHSIG\0\0\0\1\xff\xff\xff\xff"))
    assert "version is not 1" in refusal(envelope(soft, version=2))
    assert "reserved field is not empty" in refusal(envelope(soft, reserved=b"x"))
    assert "neither sha512 nor sha256" in refusal(envelope(soft, hash_name=b"md5"))
    assert "neither sha512 nor sha256" in refusal(envelope(soft, hash_name=b"SHA512"))
    assert "trailing bytes" in refusal(envelope(soft, tail=b"x"))


def test_reserved_field_and_hash_are_signed_too():
    soft = SoftKey(ED25519)
    assert "modified" in refusal(envelope(soft, hash_name=b"sha256"))


def test_algorithm_of_another_key():
    soft, other = SoftKey(ED25519), SoftKey(ECDSA)
    data = signed_data(NAMESPACE, "sha512", MESSAGE)
    assert "algorithm does not match its key" in refusal(envelope(soft, blob=other.blob(data)))
    for webauthn in (b"webauthn-sk-ecdsa-sha2-nistp256@openssh.com", b"webauthn-sk-ssh-ed25519@openssh.com"):
        blob = wire(webauthn, bytes(64)) + b"\x01\0\0\0\1"
        assert "algorithm does not match its key" in refusal(envelope(SoftKey(SK_ECDSA), blob=blob))


def test_ed25519_signature_of_another_length():
    for count in (0, 63, 65):
        blob = wire(b"ssh-ed25519", bytes(count))
        assert f"has 64 bytes, not {count}" in refusal(envelope(SoftKey(ED25519), blob=blob))


def test_ecdsa_numbers():
    soft = SoftKey(ECDSA)
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    good = mpint(5)
    for bad in (b"", b"\0", b"\0\5", b"\x80", b"\xff" * 32, mpint(order), mpint(order + 1), b"\0" * 9000 + b"\5"):
        for pair in ((bad, good), (good, bad)):
            blob = wire(b"ecdsa-sha2-nistp256", wire(*pair))
            assert "out of range or not in canonical form" in refusal(envelope(soft, blob=blob)), pair
    extra = wire(b"ecdsa-sha2-nistp256", wire(good, good) + b"\0")
    assert "trailing bytes" in refusal(envelope(soft, blob=extra))
    three = wire(b"ecdsa-sha2-nistp256", wire(good, good, good))
    assert "trailing bytes" in refusal(envelope(soft, blob=three))


@pytest.mark.parametrize("kind", [SK_ED25519, SK_ECDSA])
def test_hardware_flags(kind):
    for flags in (0x01, 0x05):
        soft = SoftKey(kind, flags=flags)
        assert verify(soft.sign(MESSAGE, NAMESPACE), MESSAGE, NAMESPACE) == soft.key
    for flags in (0x00, 0x04):
        assert "the hardware key was not touched" in refusal(SoftKey(kind, flags=flags).sign(MESSAGE, NAMESPACE))
    for flags in (0x03, 0x41, 0x81):
        assert "set unknown flags" in refusal(SoftKey(kind, flags=flags).sign(MESSAGE, NAMESPACE))


@pytest.mark.parametrize("kind", [SK_ED25519, SK_ECDSA])
def test_hardware_counter_and_tail(kind):
    soft = SoftKey(kind)
    blob = soft.blob(signed_data(NAMESPACE, "sha512", MESSAGE))
    assert "modified" in refusal(envelope(soft, blob=blob[:-1] + b"\x08"))
    assert "truncated" in refusal(envelope(soft, blob=blob[:-1]))
    assert "trailing bytes" in refusal(envelope(soft, blob=blob + b"\0"))


def test_hardware_application_is_the_keys():
    soft = SoftKey(SK_ED25519, application=b"ssh:work")
    assert verify(soft.sign(MESSAGE, NAMESPACE), MESSAGE, NAMESPACE) == soft.key
    blob = soft.blob(signed_data(NAMESPACE, "sha512", MESSAGE))
    soft.application = b"ssh:home"
    assert "modified" in refusal(envelope(soft, blob=blob))
    for application in (b"", b"https://example.org", b"ssh:\0", b"ssh:a b", b"ssh:\xff", b"ssh:" + b"x" * 252):
        assert "form ssh:name" in refusal(SoftKey(SK_ED25519, application=application).sign(MESSAGE, NAMESPACE))


def test_the_key_under_which_anybody_can_sign():
    # the neutral point as key and as R, and S = 0, satisfy Ed25519's equation for every message
    neutral = (1).to_bytes(32, "little")
    blob = wire(b"ssh-ed25519", neutral)
    armoured = encode(
        PublicKey(ED25519, blob), NAMESPACE, "sha512", wire(b"ssh-ed25519", neutral + (0).to_bytes(32, "little"))
    )
    assert "so weak that anybody can sign" in refusal(armoured)


def test_a_number_has_one_form():
    assert mpint(0) == b""
    assert mpint(0x7F) == b"\x7f"
    assert mpint(0x80) == b"\x00\x80"
    assert mpint(0x8000) == b"\x00\x80\x00"


def test_importing_the_reader_does_not_import_cryptography():
    code = "import sys, bundle.signing.policy; sys.exit('cryptography' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

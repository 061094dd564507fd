import os
import shutil
import stat
import subprocess
import sys

import pytest

from builder.signing.sign import KeygenSigner, generate_key, load_signer, public_file
from bundle.signing.file_signer import FileSigner
from bundle.signing.openssh import allowed_signers
from bundle.signing.policy import RELEASE_NAMESPACE, pins
from bundle.signing.signature import ECDSA, ED25519, parse_public_key, verify
from shared.errors import ToolError, UsageError
from tests.keys import SoftKey, keygen, keygen_accepts, needs_keygen

MESSAGE = b"0123  MANIFEST.json\n"


def never():
    raise AssertionError("nobody should be asked for a passphrase")


def refusal(path, passphrase=never):
    with pytest.raises(UsageError) as caught:
        load_signer(path, passphrase)
    assert str(path) in caught.value.what
    assert caught.value.advice
    return caught.value.what


@pytest.fixture
def pair(tmp_path):
    """Make a key with ssh-keygen."""

    def make(name, *options):
        keygen("-q", "-N", "", "-C", "", "-f", tmp_path / name, *options)
        return tmp_path / name

    return make


# making keys


@pytest.mark.parametrize("passphrase", [None, b"", b"correct horse", "암호".encode()])
def test_a_new_key_signs(tmp_path, passphrase):
    path = tmp_path / "key"
    key = generate_key(path, passphrase, comment="release")
    assert key.kind == ED25519
    assert public_file(path).read_text() == key.line("release") + "\n"
    signer = load_signer(path, (lambda: passphrase) if passphrase else never)
    assert signer.key == key
    assert verify(signer.sign(MESSAGE, RELEASE_NAMESPACE), MESSAGE, RELEASE_NAMESPACE) == key


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_a_new_key_is_its_owners_alone(tmp_path):
    old = os.umask(0)
    try:
        generate_key(tmp_path / "key", None)
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600


def test_a_passphrase_hides_the_key(tmp_path):
    generate_key(tmp_path / "plain", None)
    generate_key(tmp_path / "hidden", b"secret")
    with pytest.raises(UsageError, match="is encrypted and no passphrase"):
        load_signer(tmp_path / "hidden", lambda: None)
    assert "secret" not in repr(load_signer(tmp_path / "hidden", lambda: b"secret"))


def test_nothing_is_overwritten(tmp_path):
    path = tmp_path / "key"
    for existing, other in ((path, public_file(path)), (public_file(path), path)):
        existing.write_text("mine")
        with pytest.raises(UsageError, match="exists and is not overwritten"):
            generate_key(path, None)
        assert existing.read_text() == "mine"
        assert not other.exists()
        existing.unlink()
    path.symlink_to(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="exists and is not overwritten"):
        generate_key(path, None)


def test_a_key_in_a_missing_folder(tmp_path):
    with pytest.raises(UsageError, match="cannot be written: No such file"):
        generate_key(tmp_path / "missing" / "key", None)


@needs_keygen
@pytest.mark.parametrize("passphrase", ["", "correct horse"])
def test_ssh_keygen_opens_a_new_key(tmp_path, passphrase):
    key = generate_key(tmp_path / "key", passphrase.encode(), comment="release")
    shown = keygen("-y", "-P", passphrase, "-f", tmp_path / "key")
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.decode().split()[:2] == key.line().split()


# signing


@needs_keygen
@pytest.mark.parametrize("options", [("-t", "ed25519"), ("-t", "ecdsa", "-b", "256")])
def test_ssh_keygen_accepts_our_signatures(tmp_path, pair, options):
    path = pair("key", *options)
    signer = load_signer(path, never)
    for number in range(8):  # an ECDSA signature has numbers of several lengths
        message = MESSAGE + bytes([number])
        armoured = signer.sign(message, RELEASE_NAMESPACE)
        assert keygen_accepts(tmp_path, armoured, message, RELEASE_NAMESPACE)
    (tmp_path / "allowed").write_text(allowed_signers(pins([signer.key]), "release"))
    (tmp_path / "sig").write_bytes(signer.sign(MESSAGE, RELEASE_NAMESPACE))
    files = ["-f", tmp_path / "allowed", "-s", tmp_path / "sig"]
    who = ["-I", signer.key.keyid, "-n", RELEASE_NAMESPACE]
    assert keygen("-Y", "verify", *files, *who, stdin=MESSAGE).returncode == 0
    assert keygen("-Y", "verify", *files, *who, stdin=MESSAGE + b"x").returncode != 0


@needs_keygen
def test_an_ed25519_signature_is_ssh_keygens_byte_for_byte(pair):
    path = pair("key", "-t", "ed25519")
    theirs = keygen("-Y", "sign", "-q", "-f", path, "-n", RELEASE_NAMESPACE, stdin=MESSAGE).stdout
    assert load_signer(path, never).sign(MESSAGE, RELEASE_NAMESPACE) == theirs


@needs_keygen
def test_an_encrypted_key_of_ssh_keygen(tmp_path):
    path = tmp_path / "key"
    keygen("-q", "-t", "ed25519", "-N", "correct horse", "-f", path)
    asked = []

    def passphrase():
        asked.append(1)
        return b"correct horse"

    signer = load_signer(path, passphrase)
    assert asked == [1]
    assert signer.key == parse_public_key(public_file(path).read_text())


@needs_keygen
def test_a_public_file_signs_through_ssh_keygen(pair):
    path = pair("key", "-t", "ecdsa", "-b", "256")
    signer = load_signer(public_file(path), never)
    assert isinstance(signer, KeygenSigner)
    assert verify(signer.sign(MESSAGE, RELEASE_NAMESPACE), MESSAGE, RELEASE_NAMESPACE) == signer.key
    path.unlink()
    with pytest.raises(ToolError, match=r"Signing with .*key.pub failed"):
        signer.sign(MESSAGE, RELEASE_NAMESPACE)


@pytest.fixture
def guarded(tmp_path, monkeypatch):
    """Make a key under a passphrase, with nobody to ask for it."""
    for name in ("SSH_AUTH_SOCK", "SSH_ASKPASS", "SSH_ASKPASS_REQUIRE", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    generate_key(tmp_path / "guarded", b"correct horse")
    return tmp_path / "guarded"


@pytest.fixture
def askpass(tmp_path, monkeypatch):
    """Let a program know the passphrase, as a desktop's does."""
    program = tmp_path / "askpass"
    program.write_text("#!/bin/sh\necho correct horse\n")
    program.chmod(0o700)
    monkeypatch.setenv("SSH_ASKPASS", str(program))
    monkeypatch.setenv("SSH_ASKPASS_REQUIRE", "force")


def signs(path):
    signer = load_signer(public_file(path), never)
    assert isinstance(signer, KeygenSigner)
    return verify(signer.sign(MESSAGE, RELEASE_NAMESPACE), MESSAGE, RELEASE_NAMESPACE) == signer.key


@needs_keygen
@pytest.mark.skipif(shutil.which("ssh-agent") is None, reason="ssh-agent is not installed")
def test_an_agents_key_signs(tmp_path, guarded, askpass, monkeypatch):
    socket = tmp_path / "agent"
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", str(socket)], stdout=subprocess.PIPE)
    try:
        assert agent.stdout.readline()
        monkeypatch.setenv("SSH_AUTH_SOCK", str(socket))
        subprocess.run(["ssh-add", "-q", str(guarded)], check=True, capture_output=True)
        monkeypatch.delenv("SSH_ASKPASS")
        guarded.unlink()
        assert signs(guarded)
    finally:
        agent.terminate()
        agent.wait()
        agent.stdout.close()


@needs_keygen
@pytest.mark.skipif(sys.platform == "win32", reason="the program is a shell script")
def test_a_program_of_the_desktop_is_asked_for_the_passphrase(guarded, askpass):
    assert signs(guarded)


IN_A_TERMINAL = """
import sys
from pathlib import Path
from builder.signing.sign import load_signer
sys.stdout.write("signed by " + load_signer(Path(sys.argv[1]), None).sign(b"x", "ragtrace-release@v1")[:25].decode())
"""


@needs_keygen
@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
@pytest.mark.parametrize(("typed", "ends"), [("correct horse", 0), ("wrong", 1)])
def test_a_person_at_the_terminal_is_asked_for_the_passphrase(guarded, typed, ends):
    import pty

    child, terminal = pty.fork()
    if child == 0:  # it has a terminal of its own, which nobody watches but us
        os.execv(sys.executable, [sys.executable, "-c", IN_A_TERMINAL, str(public_file(guarded))])
    shown = b""
    try:
        while chunk := read(terminal):
            shown += chunk
            if shown.endswith(b": "):
                os.write(terminal, typed.encode() + b"\n")
                shown += b"(typed)"
    finally:
        os.close(terminal)
        _pid, status = os.waitpid(child, 0)
    assert b"passphrase" in shown
    assert (os.waitstatus_to_exitcode(status), b"BEGIN SSH SIGNATURE" in shown) == (ends, ends == 0), shown


def read(terminal):
    try:
        return os.read(terminal, 4096)
    except OSError:  # Linux says EIO when the other side is closed
        return b""


@needs_keygen
def test_with_nobody_to_ask_it_fails_and_does_not_wait(guarded, capfd):
    done = subprocess.run(
        [sys.executable, "-c", IN_A_TERMINAL, str(public_file(guarded))],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, start_new_session=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 1
    assert f"Signing with {public_file(guarded)} failed" in done.stderr
    assert "SIGNATURE" not in done.stdout


@needs_keygen
def test_the_signature_of_another_key_is_not_taken(pair):
    mine, other = pair("mine", "-t", "ed25519"), pair("other", "-t", "ed25519")
    signer = KeygenSigner(parse_public_key(public_file(mine).read_text()), other)
    with pytest.raises(ToolError, match="signature by another key"):
        signer.sign(MESSAGE, RELEASE_NAMESPACE)


def test_a_signer_shows_no_secret():
    soft = SoftKey(ECDSA)
    assert "private" not in repr(FileSigner(soft.key, soft.ecdsa))


# keys that don't fit


def test_a_missing_key(tmp_path):
    assert "cannot be read: No such file" in refusal(tmp_path / "nowhere")
    assert "cannot be read: No such file" in refusal(tmp_path / "nowhere.pub")
    assert "cannot be read" in refusal(tmp_path)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601, 0o777])
def test_a_key_that_others_can_read(tmp_path, mode):
    path = tmp_path / "key"
    generate_key(path, None)
    path.chmod(mode)
    assert "Other users of this machine can read" in refusal(path)


@pytest.mark.parametrize("passphrase", [b"wrong", b"x"])
def test_a_wrong_passphrase(tmp_path, passphrase):
    path = tmp_path / "key"
    generate_key(path, b"right")
    what = refusal(path, lambda: passphrase)
    assert "The passphrase does not decrypt" in what
    assert passphrase.decode() not in what.replace(str(path), "").split()


@needs_keygen
@pytest.mark.parametrize("options", [("-t", "rsa", "-b", "2048"), ("-t", "ecdsa", "-b", "384")])
def test_keys_of_other_kinds(pair, options):
    path = pair("key", *options)
    assert "is not an OpenSSH private key of type ssh-ed25519" in refusal(path)
    assert "is not valid: key type" in refusal(public_file(path))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello\n",
        b"\xff" * 100,
        b"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n",
        b"-----BEGIN OPENSSH PRIVATE KEY-----\n" + b"A" * (70 << 10),
    ],
)
def test_files_that_are_no_keys(tmp_path, data):
    for name in ("key", "key.pub"):
        path = tmp_path / name
        path.write_bytes(data)
        path.chmod(0o600)
        refusal(path)


def test_a_damaged_key(tmp_path):
    path = tmp_path / "key"
    generate_key(path, None)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([*lines[:2], *lines[3:]]))
    assert "is not an OpenSSH private key" in refusal(path)

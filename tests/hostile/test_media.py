"""Bundles that were altered on their way, as archives and unpacked: each is refused, for its reason."""

from __future__ import annotations

import os
import shutil
import socket

import pytest

from bundle.manifest import NAME
from bundle.names import INSTALLER
from bundle.opening import INSTALLER_MEMBER, SUMS
from bundle.signing.policy import NAMESPACES, RELEASE_NAMESPACE
from bundle.signing.signature import ECDSA, SK_ECDSA, SK_ED25519, encode, wire
from tests.hostile import kit, test_archives
from tests.hostile.kit import ARCHIVE, KEY, LAST, UNPACKED, archive, sign_as
from tests.hostile.test_unusual import GOOD, UNUSUAL
from tests.keys import ALL_KINDS, SoftKey

SIGNED, UNREADABLE, IRREGULAR = "its SHA-256 does not match the signed one", "cannot be read", "not a regular file"
NOT_FITTING, NOT_SUMS = "it does not match the file", "its lines must be sorted"
NOT_WRITTEN, NOT_BASE64 = "it is not in the format that ssh-keygen writes", "it is not base64"
NO_ARMOUR, STRANGER, TRUSTED = "does not begin and end like", "an untrusted key", "Trusted signatures required"


def edit(path, change):
    """Change the bytes of a file after everything was signed."""
    return lambda draft: path(draft).write_bytes(change(path(draft).read_bytes()))


def sums(change):
    return edit(lambda draft: draft.sums_file, change)


def signature(change):
    return edit(lambda draft: draft.signature_file, change)


def signed_sums(change):
    """Let the signer sign a SHA256SUMS of another form."""
    return lambda draft: draft.sign(sums=change(draft.sums_file.read_bytes()))


def resigned(**options):
    return lambda draft: draft.sign(sums=draft.sums_file.read_bytes(), **options)


def become(path, make):
    """Replace a file by something else that lies there."""

    def change(draft):
        place = path(draft)
        data = place.read_bytes()
        place.unlink()
        make(place, data, draft)

    return change


def gone(place, data, draft):
    pass


def link_to_the_same(place, data, draft):
    other = draft.folder.parent / "other"
    other.write_bytes(data)
    place.symlink_to(other)


def link_to(target):
    return lambda place, data, draft: place.symlink_to(target)


def pipe(place, data, draft):
    os.mkfifo(place)


def folder(place, data, draft):
    place.mkdir()


def plug(place, data, draft):
    with socket.socket(socket.AF_UNIX) as server:
        os.chdir(place.parent)
        server.bind(place.name)


def endless(place, data, draft):
    with place.open("wb") as file:
        file.write(data)
        file.truncate(200 << 30)


def beside(name):
    return lambda draft: draft.folder / name


def inside(name):
    return lambda draft: draft.root / name


def other_blob(make):
    """Sign with the right key, and put the signature's parts together in another way."""

    def change(draft):
        key = draft.original.key
        draft.signature_file.write_bytes(make(key, draft.sums_file.read_bytes()))

    return change


def rename_signature(draft):
    draft.signature_file.rename(draft.folder / f"{SUMS}.0123456789abcdef.sig")


def many_signatures(draft):
    for number in range(40):
        shutil.copy(draft.signature_file, draft.folder / f"{SUMS}.{number:016x}.sig")


def names(change):
    def resign(draft):
        digests = change(draft.digests(b""))
        draft.sign(sums="".join(f"{digests[name]}  {name}\n" for name in sorted(digests)).encode())

    return resign


def parent_is_a_pipe(draft):
    draft.sums_file.unlink()
    os.mkfifo(draft.sums_file)


# what lies beside the archive or the unpacked root: tried with both
BESIDE = [
    ("sums-missing", become(beside(SUMS), gone), "SHA256SUMS is missing"),
    ("sums-empty", sums(lambda data: b""), NOT_FITTING),
    ("sums-one-bit", sums(lambda data: bytes([data[0] ^ 1]) + data[1:]), NOT_FITTING),
    ("sums-cut", sums(lambda data: data[:-1]), NOT_FITTING),
    ("sums-extended", sums(lambda data: data + b"0" * 64 + b"  z\n"), NOT_FITTING),
    ("sums-windows-lines", sums(lambda data: data.replace(b"\n", b"\r\n")), NOT_FITTING),
    ("sums-huge", sums(lambda data: data * 20_000), "larger than"),
    ("sums-pipe", parent_is_a_pipe, "SHA256SUMS is missing"),
    ("sums-folder", become(beside(SUMS), folder), "SHA256SUMS is missing"),
    ("sums-link", become(beside(SUMS), link_to_the_same), UNREADABLE),
    ("sums-dangling-link", become(beside(SUMS), link_to("nowhere")), "SHA256SUMS is missing"),
    ("signed-sums-empty", signed_sums(lambda data: b""), NOT_SUMS),
    ("signed-sums-reversed", signed_sums(lambda data: b"".join(data.splitlines(True)[::-1])), NOT_SUMS),
    ("signed-sums-line-twice", signed_sums(lambda data: data + data), NOT_SUMS),
    ("signed-sums-binary-mode", signed_sums(lambda data: data.replace(b"  ", b" *")), NOT_SUMS),
    ("signed-sums-upper-case", signed_sums(lambda data: data[:64].upper() + data[64:]), NOT_SUMS),
    ("signed-sums-windows-lines", signed_sums(lambda data: data.replace(b"\n", b"\r\n")), "control or invisible"),
    ("signed-sums-byte-order-mark", signed_sums(lambda data: b"\xef\xbb\xbf" + data), NOT_SUMS),
    ("signed-sums-comment", signed_sums(lambda data: b"# hello\n" + data), NOT_SUMS),
    ("signed-sums-no-last-newline", signed_sums(lambda data: data[:-1]), NOT_SUMS),
    ("signed-sums-not-utf-8", signed_sums(lambda data: data + b"f" * 64 + b"  \xff\n"), "not UTF-8"),
    ("signed-sums-md5", signed_sums(lambda data: b"0" * 32 + data[64:]), NOT_SUMS),
    ("signed-sums-tagged", signed_sums(lambda data: b"SHA256 (MANIFEST.json) = " + data[:64] + b"\n"), NOT_SUMS),
    ("signed-sums-escaping", names(lambda found: {**found, "../evil": "0" * 64}), "'..' part"),
    ("signed-sums-absolute", names(lambda found: {**found, "/evil": "0" * 64}), "not a relative path"),
    ("signed-sums-control", names(lambda found: {**found, "a\x1b[2J": "0" * 64}), "control or invisible"),
    ("signed-sums-more", names(lambda found: {**found, "more": "0" * 64}), "must list the manifest, the archive and"),
    ("signed-sums-fewer", names(lambda found: {NAME: found[NAME]}), "must list the manifest, the archive and"),
    ("signed-sums-no-manifest", names(lambda found: {INSTALLER: found[INSTALLER]}), SIGNED),
    ("signed-sums-other-manifest", names(lambda found: {**found, NAME: "0" * 64}), SIGNED),
    ("signed-sums-other-installer", names(lambda found: {**found, INSTALLER: "0" * 64}), "installer does not match"),
    ("no-signature", lambda draft: draft.signature_file.unlink(), "not signed"),
    ("signature-empty", signature(lambda data: b""), NO_ARMOUR),
    ("signature-garbage", signature(lambda data: os.urandom(300)), NO_ARMOUR),
    ("signature-cut", signature(lambda data: data[:200]), NO_ARMOUR),
    ("signature-line-missing", signature(lambda data: data[:40] + data[111:]), "the signature is not valid"),
    ("signature-windows-lines", signature(lambda data: data.replace(b"\n", b"\r\n")), NO_ARMOUR),
    ("signature-text-before", signature(lambda data: b"hello\n" + data), NO_ARMOUR),
    ("signature-text-behind", signature(lambda data: data + b"hello\n"), NO_ARMOUR),
    ("signature-twice", signature(lambda data: data + data), NOT_BASE64),
    ("signature-blank-line", signature(lambda data: data.replace(b"\n", b"\n\n", 2)), NOT_WRITTEN),
    ("signature-other-columns", signature(lambda data: data.replace(b"\n", b"", 2).replace(b"---U", b"---\nU", 1)),
     NOT_WRITTEN),
    ("signature-pgp-armour", signature(lambda data: data.replace(b"SSH", b"PGP")), NO_ARMOUR),
    ("signature-huge", signature(lambda data: data * 100), "larger than"),
    ("signature-link", become(lambda draft: draft.signature_file, link_to_the_same), UNREADABLE),
    ("signature-pipe", become(lambda draft: draft.signature_file, pipe), IRREGULAR),
    ("signature-folder", become(lambda draft: draft.signature_file, folder), IRREGULAR),
    ("signature-misnamed", rename_signature, "not named after its signing key"),
    ("signature-of-another-text", lambda draft: draft.signature_file.write_bytes(
        draft.original.key.sign(b"another", RELEASE_NAMESPACE)), NOT_FITTING),
    ("signature-of-a-policy", lambda draft: draft.signature_file.write_bytes(
        draft.original.key.sign(draft.sums_file.read_bytes(), NAMESPACES["policy"])), "not 'ragtrace-release@v1'"),
    ("signature-for-files", lambda draft: draft.signature_file.write_bytes(
        draft.original.key.sign(draft.sums_file.read_bytes(), "file")), "not 'ragtrace-release@v1'"),
    ("signature-sha1", lambda draft: draft.signature_file.write_bytes(
        draft.original.key.sign(draft.sums_file.read_bytes(), RELEASE_NAMESPACE, "sha1")), "neither sha512 nor"),
    ("signature-sha384", lambda draft: draft.signature_file.write_bytes(
        draft.original.key.sign(draft.sums_file.read_bytes(), RELEASE_NAMESPACE, "sha384")), "neither sha512 nor"),
    ("signature-zeros", other_blob(lambda key, data: encode(
        key.key, RELEASE_NAMESPACE, "sha512", wire(key.kind.encode(), bytes(64)))), NOT_FITTING),
    ("signature-too-short", other_blob(lambda key, data: encode(
        key.key, RELEASE_NAMESPACE, "sha512", wire(key.kind.encode(), bytes(63)))), "64 bytes"),
    ("signature-other-algorithm", other_blob(lambda key, data: encode(
        key.key, RELEASE_NAMESPACE, "sha512", wire(ECDSA.encode(), bytes(64)))), "algorithm does not match its key"),
    ("signature-more-behind", other_blob(lambda key, data: encode(
        key.key, RELEASE_NAMESPACE, "sha512", wire(key.kind.encode(), bytes(64)) + b"X")), "trailing bytes"),
    ("stranger", sign_as(KEY), STRANGER),
    ("stranger-under-the-signers-name", lambda draft: draft.signature_file.write_bytes(
        KEY.sign(draft.sums_file.read_bytes(), RELEASE_NAMESPACE)), "not named after its signing key"),
    ("good-and-broken", lambda draft: (draft.folder / f"{SUMS}.0.sig").write_bytes(b"broken"), NO_ARMOUR),
    ("hardware-key-untouched", sign_as(SoftKey(SK_ED25519, flags=0)), "was not touched"),
    ("hardware-key-unknown-flag", sign_as(SoftKey(SK_ECDSA, flags=0x41)), "unknown flags"),
    ("hardware-key-of-a-website", sign_as(SoftKey(SK_ED25519, application=b"https://x")), "not of the form ssh:"),
    ("forty-signatures", many_signatures, "more than 32 signatures"),
    ("manifest-one-bit", edit(beside(NAME), lambda data: data[:-2] + b" }"), SIGNED),
    ("manifest-newline-more", edit(beside(NAME), lambda data: data + b"\n"), SIGNED),
    ("manifest-empty", edit(beside(NAME), lambda data: b""), SIGNED),
    ("manifest-huge", become(beside(NAME), endless), "larger than"),
    ("manifest-link", become(beside(NAME), link_to_the_same), UNREADABLE),
    ("manifest-pipe", become(beside(NAME), pipe), IRREGULAR),
    ("installer-altered", edit(beside(INSTALLER), lambda data: b"X" + data[1:]), SIGNED),
    ("installer-longer", edit(beside(INSTALLER), lambda data: data + b"evil()\n"), "bytes read, "),
    ("installer-link", become(beside(INSTALLER), link_to_the_same), UNREADABLE),
    ("installer-folder", become(beside(INSTALLER), folder), IRREGULAR),
    ("installer-endless", become(beside(INSTALLER), endless), "bytes read, "),
]  # fmt: skip
ARCHIVES = [
    ("archive-missing", become(archive, gone), "neither"),
    ("archive-folder", become(archive, folder), "neither"),
    ("archive-pipe", become(archive, pipe), "neither"),
    ("archive-socket", become(archive, plug), "neither"),
    ("archive-renamed", lambda draft: draft.archive.rename(draft.folder / "other.tar.gz"), "neither"),
    ("archive-dangling-link", become(archive, link_to("nowhere")), "neither"),
    ("archive-one-bit-of-the-header", edit(archive, lambda data: data[:4] + b"\1" + data[5:]), SIGNED),
    ("archive-one-bit-of-the-middle", edit(archive, lambda data: data[:3000] + bytes([data[3000] ^ 1]) + data[3001:]),
     "Tiny-App"),
    ("archive-cut", edit(archive, lambda data: data[:-1]), "is truncated"),
    ("archive-extended", edit(archive, lambda data: data + b"X"), "has trailing data"),
    ("archive-endless", become(archive, endless), "has trailing data"),
    ("archive-of-another-release", edit(archive, lambda data: kit.gzip(bytes(10240))), "at its expected position"),
]  # fmt: skip
DATA = "03_Source/data/questions.csv"
FOLDERS = [
    *((f"altered-{path}", edit(inside(path), lambda data: bytes([data[0] ^ 1]) + data[1:]), SIGNED)
      for path in ("02_Dependencies/pylock.toml", "03_Source/app.py", DATA, INSTALLER_MEMBER, LAST)),
    ("wheel-altered", edit(inside("02_Dependencies/wheels/tiny_lib-1.0.0-py3-none-any.whl"),
                           lambda data: data[:50] + b"!" + data[51:]), SIGNED),
    ("file-cut", edit(inside(DATA), lambda data: data[:-1]), "bytes read, "),
    ("file-extended", edit(inside(DATA), lambda data: data + b"\n"), "bytes read, "),
    ("file-empty", edit(inside(DATA), lambda data: b""), "bytes read, "),
    ("file-missing", become(inside(DATA), gone), UNREADABLE),
    ("file-link-to-the-same", become(inside(DATA), link_to_the_same), UNREADABLE),
    ("file-link-to-zeros", become(inside(DATA), link_to("/dev/zero")), UNREADABLE),
    ("file-link-to-itself", become(inside(DATA), link_to("questions.csv")), UNREADABLE),
    ("file-pipe", become(inside(DATA), pipe), IRREGULAR),
    ("file-folder", become(inside(DATA), folder), IRREGULAR),
    ("file-socket", become(inside(DATA), plug), UNREADABLE),
    ("file-endless", become(inside(DATA), endless), "bytes read, "),
    ("model-endless", become(inside(LAST), endless), "bytes read, "),
    ("file-in-another-case", lambda draft: (draft.root / DATA).rename(draft.root / "03_Source/data/Questions.csv"),
     UNREADABLE),
    ("folder-is-a-file", lambda draft: (shutil.rmtree(draft.root / "03_Source"), (draft.root / "03_Source").touch()),
     UNREADABLE),
    ("folder-missing", lambda draft: shutil.rmtree(draft.root / "03_Source"), UNREADABLE),
    ("two-files-exchanged", lambda draft: (
        (draft.root / "03_Source/app.py").rename(draft.root / "x"),
        (draft.root / DATA).rename(draft.root / "03_Source/app.py"),
        (draft.root / "x").rename(draft.root / DATA)), "bytes read, "),
    ("manifest-in-it-altered", edit(inside(NAME), lambda data: data[:-1] + b" "), SIGNED),
    ("manifest-in-it-link", become(inside(NAME), link_to("/dev/zero")), UNREADABLE),
    ("dependencies-missing", lambda draft: shutil.rmtree(draft.root / "02_Dependencies"), UNREADABLE),
]  # fmt: skip
CASES = [
    *((f"{name}-{form}", form, change, reason) for name, change, reason in BESIDE for form in (ARCHIVE, UNPACKED)),
    *((name, ARCHIVE, change, reason) for name, change, reason in ARCHIVES),
    *((name, UNPACKED, change, reason) for name, change, reason in FOLDERS),
]


@pytest.mark.usefixtures("no_uv")
@pytest.mark.parametrize(("form", "change", "reason"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_bundle_altered_on_its_way_is_refused(host, draft, capsys, form, change, reason) -> None:
    draft.write(form)
    change(draft)
    host.refuses(capsys, draft.folder, reason)


def test_the_lists_are_long_enough() -> None:
    assert len(CASES) + len(test_archives.CASES) >= 120
    assert len({case[0] for case in CASES}) == len(CASES)
    assert len(GOOD) + 2 * len(UNUSUAL) + len(ALL_KINDS) >= 15
    assert sum(form == UNPACKED for _name, form, _change, _reason in CASES) >= 60

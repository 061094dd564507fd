"""Locks that a signer vouched for and that say something else than the manifest: refused before uv is reached."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bundle.digest import sha256_bytes
from bundle.lock import PYLOCK
from tests.hostile.kit import ARCHIVE, UNPACKED, Draft, Original

REASON = f"{PYLOCK}: it does not match the packages in the manifest"
URL = "http://127.0.0.1:9/tiny_unused-0.1.0-py3-none-any.whl"
LAST = b'name = "tiny-unused"\nversion = "0.1.0"\n'
WHEEL = b'path = "wheels/tiny_unused-0.1.0-py3-none-any.whl"'
EVIL = b'\n[[packages]]\nname = "evil"\nversion = "1"\n'
SHA = b'hashes = { sha256 = "' + b"0" * 64 + b'" }'


def swap(old, new):
    """Return what replaces a text that stands in the lock."""

    def change(text):
        assert text.count(old) == 1, old
        return text.replace(old, new)

    return change


def add(text):
    return lambda lock: lock + text


def other_digest(text):
    start = text.rindex(b'sha256 = "') + 10
    return text[:start] + b"0" * 64 + text[start + 64 :]


def without(text):
    """Return the lock without its last package."""
    return text[: text.rindex(b"\n[[packages]]")]


# name, what the lock becomes
CASES = [
    ("another-wheel", swap(WHEEL, b'path = "wheels/tiny_text-0.3.0-py3-none-any.whl"')),
    ("a-wheel-elsewhere", swap(WHEEL, b'path = "/tmp/tiny_unused-0.1.0-py3-none-any.whl"')),
    ("a-wheel-further-up", swap(WHEEL, b'path = "../../tiny_unused-0.1.0-py3-none-any.whl"')),
    ("a-url", swap(WHEEL, f'url = "{URL}"'.encode())),
    ("a-url-beside-the-path", swap(WHEEL, WHEEL + f', url = "{URL}"'.encode())),
    ("a-file-url", swap(WHEEL, b'url = "file:///tmp/tiny_unused-0.1.0-py3-none-any.whl"')),
    ("another-name", swap(b'name = "tiny-unused"', b'name = "evil"')),
    ("another-version", swap(LAST, LAST.replace(b"0.1.0", b"0.2.0"))),
    ("no-version", swap(LAST, b'name = "tiny-unused"\n')),
    ("another-digest", other_digest),
    ("another-digest-beside", lambda text: text.replace(b"hashes = { sha256", b'hashes = { md5 = "0", sha256', 1)),
    ("no-digest", lambda text: text[: text.rindex(b", hashes")] + b" }]\n"),
    ("a-package-more", add(EVIL + b'wheels = [{ path = "wheels/evil-1-py3-none-any.whl", ' + SHA + b" }]\n")),
    ("a-package-twice", lambda text: text + text[text.rindex(b"\n[[packages]]") :]),
    ("a-package-less", without),
    ("two-wheels", lambda lock: lock.rstrip(b"]\n") + b', { path = "wheels/evil-1-py3-none-any.whl" }]\n'),
    ("a-source-archive", add(EVIL + f'sdist = {{ url = "{URL}", '.encode() + SHA + b" }\n")),
    ("a-folder", add(EVIL + b'directory = { path = "/tmp/evil", editable = true }\n')),
    ("an-archive", add(EVIL + b'archive = { path = "/tmp/evil.tar.gz", ' + SHA + b" }\n")),
    ("a-repository", add(EVIL + b'vcs = { type = "git", url = "http://127.0.0.1:9/x", commit-id = "0" }\n')),
    ("an-index", add(b'\n[[packages]]\nname = "evil"\nindex = "http://127.0.0.1:9/simple"\n')),
    ("a-marker", swap(LAST, LAST + b"marker = \"sys_platform == 'plan9'\"\n")),
    ("settings-of-a-tool", add(b"\n[tool.uv]\nno-verify-hashes = true\n")),
    ("another-format", swap(b'lock-version = "1.0"', b'lock-version = "2.0"')),
    ("another-author", swap(b'created-by = "ragtrace"', b'created-by = "somebody"')),
    ("a-comment", add(b"# \n")),
    ("no-toml", lambda text: b"[" * 1000),
    ("empty", lambda text: b""),
]  # fmt: skip


def with_lock(original: Original, change) -> Original:
    """Return the bundle with another lock in it, its digest in the manifest made right again."""
    data = change(original.contents[PYLOCK])
    assert data != original.contents[PYLOCK]
    files = tuple(
        replace(entry, size=len(data), sha256=sha256_bytes(data)) if entry.path == PYLOCK else entry
        for entry in original.manifest.files
    )
    manifest = replace(original.manifest, files=files, lock_sha256=sha256_bytes(data))
    return Original(manifest, {**original.contents, PYLOCK: data}, original.key)


@pytest.mark.usefixtures("no_uv")
@pytest.mark.parametrize("change", [case[1] for case in CASES], ids=[case[0] for case in CASES])
def test_a_lock_that_differs_from_the_manifest_is_refused(host, draft: Draft, capsys, change) -> None:
    bent = with_lock(draft.original, change).draft(draft.folder)
    bent.write(ARCHIVE)
    host.refuses(capsys, bent.folder, REASON)


@pytest.mark.usefixtures("no_uv")
def test_so_is_one_of_an_unpacked_bundle(host, draft: Draft, capsys) -> None:
    bent = with_lock(draft.original, without).draft(draft.folder)
    bent.write(UNPACKED)
    host.refuses(capsys, bent.folder, REASON)


@pytest.mark.usefixtures("no_uv")
def test_a_bundle_without_a_lock_is_refused(host, draft: Draft, capsys) -> None:
    original = draft.original
    files = tuple(entry for entry in original.manifest.files if entry.path != PYLOCK)
    contents = {path: data for path, data in original.contents.items() if path != PYLOCK}
    bent = Original(replace(original.manifest, files=files), contents, original.key).draft(draft.folder)
    bent.write(ARCHIVE)
    host.refuses(capsys, bent.folder, REASON)


def test_uv_is_given_what_the_manifest_says_and_not_what_the_release_keeps(host, draft, capsys, monkeypatch) -> None:
    given = []
    monkeypatch.setattr("shared.programs.uv.Uv.install", lambda _uv, _python, lock: given.append(lock.read_bytes()))
    draft.write(ARCHIVE)
    host.run(capsys, "install", draft.folder, "--prefix", host.root / "media" / "prefix")
    assert given == [draft.contents[PYLOCK]]

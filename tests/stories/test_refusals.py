"""What is refused, in one sentence that says what to do next, and leaves the host as it was."""

from __future__ import annotations

import json
import os
import re
from contextlib import contextmanager

import pytest

from builder.signing.sign import load_signer
from bundle.digest import sha256_file
from bundle.signing.policy import RELEASE_NAMESPACE
from tests.hosts import faults, needs
from tests.stories.operator import Operator, refused
from tests.stories.workshop import succeeded

pytestmark = [pytest.mark.index, pytest.mark.host]
ARCHIVE = "RAG-Mini-Enterprise-linux-x86_64.tar.gz"


# the host does not fit


def test_a_bundle_for_another_python(workshop, closed_host):
    operator = Operator(closed_host("trixie"), "operator")
    done = operator.installer(operator.copy_in(workshop.bundle("0.1.0", "3.11")), "install")
    refused(done, 4, "this is Python 3.13", "the bundle is for Python 3.11")
    assert not operator.exists(operator.prefix)


def test_a_bundle_for_another_machine(workshop, operator):
    other = {"linux-x86_64": "linux-aarch64"}.get(workshop.here, "linux-x86_64")
    bundle = operator.copy_in(workshop.hello("3.11", other), "other")
    refused(operator.installer(bundle, "install", "--prefix", "/srv/other"), 4, f"built for {other}")
    assert not operator.exists("/srv/other")


def test_a_python_without_its_standard_library(workshop, closed_host):
    operator = Operator(closed_host("bookworm-minimal"))
    done = operator.installer(operator.copy_in(workshop.bundle("0.1.0", "3.11")), "install")
    said = refused(done, 4, "incomplete standard library")
    assert "the package python3" in said
    assert not operator.exists(operator.prefix)


def test_a_disk_too_small(operator, newer):
    operator.host.mount_tmpfs("/srv/small", size="100m")
    refused(operator.installer(newer, "install", "--prefix", "/srv/small/app"), 4, "free on /srv/small", "needed")
    operator.host.mount_tmpfs("/srv/few", size="1g", inodes=1000)
    refused(operator.installer(newer, "install", "--prefix", "/srv/few/app"), 4, "inodes free on /srv/few", "needed")
    assert not operator.exists("/srv/small/app")
    assert not operator.exists("/srv/few/app")


def test_a_folder_that_cannot_be_written(operator, newer):
    operator.run("mkdir", "-p", "/srv/roots", "/srv/frozen")
    operator.host.make_readonly("/srv/frozen")
    refused(operator.installer(newer, "install", "--prefix", "/srv/frozen/app"), 4, "/srv/frozen", "Read-only")
    somebody = Operator(operator.host, "operator")
    bundle = f"{somebody.home}/medium"
    operator.host.put(operator.host.path(newer), bundle, user="operator")
    refused(somebody.installer(bundle, "install", "--prefix", "/srv/roots/app"), 4, "/srv/roots", "Permission denied")
    assert not operator.exists("/srv/frozen/app")
    assert not operator.exists("/srv/roots/app")


def test_a_folder_that_holds_something_else(operator, newer):
    refused(
        operator.installer(newer, "install", "--prefix", "/etc"), 4, "/etc contains files that this tool did not create"
    )


# the disk fills up on the way


def next_name(operator, name):
    """Return what the next release of a bundle is called: names of unfinished ones are not used again."""
    unfinished = operator.path("state/unfinished")
    known = [unfinished.read_text() if unfinished.exists() else "", *os.listdir(operator.path("releases"))]
    numbers = [int(number) for number in re.findall(rf"{name}-r([0-9]+)", "\n".join(known))]
    return f"{name}-r{max(numbers, default=0) + 1}"


@pytest.mark.parametrize(
    ("call", "path"),
    [("openat", ".work/pylock.toml"), ("mkdir", "venv/lib/python3.11/site-packages/numpy"), ("openat", "launch.py")],
)
def test_no_space_on_the_way(operator, newer, call, path):
    digest = sha256_file(operator.host.path(f"{newer}/MANIFEST.json"))[0]
    release = f"{operator.prefix}/releases/{next_name(operator, f'20-{digest[:12]}')}"
    before = operator.state()
    with needs.or_skip():
        full = faults.fail_at(call, "ENOSPC", 1, path=f"{release}/{path}")
    done = operator.installer(newer, "install", through=full)
    said = refused(done, 5, "No space left on device")
    assert f"The active release is still {active(operator)}." in said
    assert operator.state() == before


def test_a_disk_that_is_full_lets_nothing_break(operator, workshop, hello):
    operator.host.mount_tmpfs("/srv/full", size="300m")
    site = Operator(operator.host, prefix="/srv/full/app")
    for counter in ("1", "2"):  # the first is the way back of the second; hello would be a third
        bundle = workshop.hello_by(workshop.key, counter, operator.host.python)
        site.install(site.copy_in(bundle, f"medium/{counter}"), "--prefix", site.prefix)
    before = site.state()
    operator.run("sh", "-c", "cat /dev/zero > /srv/full/filler; true")
    refused(site.installer(hello, "install", "--prefix", site.prefix), 4, "free on /srv/full", "needed")
    refused(site.tool("rollback"), 5, "No space left on device")
    succeeded(site.tool("status"))
    succeeded(site.run(f"{site.prefix}/bin/hello-site", "x"))
    assert site.state() == before
    operator.run("rm", "/srv/full/filler")
    succeeded(site.tool("rollback"))
    succeeded(site.run(f"{site.prefix}/bin/hello-site", "x"))


def active(operator):
    return json.loads(succeeded(operator.tool("status", "--json")).stdout)["active"]


# the bundle is not what was signed


@contextmanager
def altered(path, data):
    """Give a file other bytes (None: none at all) for a while."""
    beside = path.with_name(f"{path.name}.as-signed")
    path.rename(beside)
    if data is not None:
        path.write_bytes(data)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        beside.rename(path)


def refuses(operator, bundle, *words):
    """Tell whether neither the installed tool nor a first installation takes a bundle, naming the file."""
    before = operator.state()
    refused(operator.tool("install", bundle), 3, *words)
    assert operator.state() == before


@pytest.mark.parametrize("name", [ARCHIVE, "MANIFEST.json", "SHA256SUMS", "SHA256SUMS.*.sig", "ragtrace-install.pyz"])
def test_one_byte_missing_at_the_end(operator, newer, name):
    (file,) = operator.host.path(newer).glob(name)
    with altered(file, file.read_bytes()[:-1]):
        refuses(operator, newer, file.name)


@pytest.mark.parametrize("place", [0.0, 0.3, 0.9])
def test_one_bit_of_the_archive_flipped(operator, newer, place):
    file = operator.host.path(f"{newer}/{ARCHIVE}")
    data = bytearray(file.read_bytes())
    data[int(len(data) * place)] ^= 1
    with altered(file, data):
        refuses(operator, newer)


def test_half_an_archive_for_a_first_installation(operator, newer):
    file = operator.host.path(f"{newer}/{ARCHIVE}")
    with altered(file, file.read_bytes()[: file.stat().st_size // 2]):
        refused(operator.installer(newer, "install", "--prefix", "/srv/half"), 3, ARCHIVE, "is truncated")
    left = sorted(path.name for path in operator.host.path("/srv/half").iterdir())
    assert left == ["state"]


def test_no_archive(operator, newer):
    with altered(operator.host.path(f"{newer}/{ARCHIVE}"), None):
        refuses(operator, newer, ARCHIVE)


def test_no_signature(operator, newer):
    (file,) = operator.host.path(newer).glob("*.sig")
    with altered(file, None):
        refuses(operator, newer, "SHA256SUMS", "not signed")


def test_a_strangers_signature(workshop, operator, newer):
    folder = operator.host.path(newer)
    stranger = load_signer(workshop.stranger, lambda: None)
    (own,) = folder.glob("*.sig")
    sums = (folder / "SHA256SUMS").read_bytes()
    theirs = folder / f"SHA256SUMS.{stranger.key.keyid}.sig"
    with altered(own, None):
        theirs.write_bytes(stranger.sign(sums, RELEASE_NAMESPACE))
        refuses(operator, newer, stranger.key.fingerprint)
        theirs.replace(own)
        refuses(operator, newer, own.name)


def test_a_file_of_an_unpacked_bundle_that_is_not_as_signed(operator, hello):
    folder = f"{operator.home}/unpacked-to-alter"
    operator.host.put(operator.host.path(hello), folder)
    archive = next(operator.host.path(folder).glob("*.tar.gz"))
    succeeded(operator.run("tar", "-xf", archive.name, cwd=folder))
    archive.unlink()
    (root,) = (path for path in operator.host.path(folder).iterdir() if path.is_dir())
    entries = json.loads((root / "MANIFEST.json").read_bytes())["files"]
    for entry in {entry["kind"]: entry for entry in entries}.values():
        file = root / entry["path"]
        with altered(file, file.read_bytes()[:-1]):
            refused(operator.installer(folder, "install", "--prefix", "/srv/altered"), 3, entry["path"])
    assert sorted(path.name for path in operator.host.path("/srv/altered").iterdir()) == ["state"]

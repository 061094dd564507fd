"""The installed tool judges a newer release under the host's policy before one byte of its zipapp runs."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import zipfile
from contextlib import ExitStack

import pytest

from builder.signing.sign import generate_key, load_signer
from bundle.digest import read_sums, write_sums
from bundle.names import INSTALLER
from bundle.opening import SUMS
from bundle.signing.policy import RELEASE_NAMESPACE
from tests.hosts import closed, needs
from tests.stories.operator import Operator, refused
from tests.stories.workshop import succeeded

pytestmark = [pytest.mark.index, pytest.mark.host]
OLDER, NEWER = "1", "1900000000"  # release counters; what is installed has the time of its commit
TRACE = "/srv/ran"
RIGGED = f"open({TRACE!r}, 'w').close()\n"


class Site:
    """A host with an installation and a policy of its own, which trusts another key than the installed tool's pins."""

    def __init__(self, host, workshop, folder):
        self.host, self.workshop, self.folder = host, workshop, folder
        self.operator = Operator(host, prefix="/srv/hello")
        self.heir, self.root = folder / "heir", folder / "root"
        for key in (self.heir, self.root):
            generate_key(key, None)

    def release(self, counter, key):
        """Return a release's folder, made by the builder."""
        return self.workshop.hello_by(key, counter, self.host.python)

    def trust_the_heir(self):
        """Let the host's administrator take over a policy: releases are the heir's to sign."""
        policies = self.folder / "policies"
        roles = ("--add", f"release={self.heir}.pub", "--add", f"policy={self.root}.pub")
        sign = ("policy", "sign", str(policies / "policy-1.json"), "--sign-key", str(self.root))
        for command in (("policy", "new", str(policies), *roles), sign):
            succeeded(self.workshop.builder(*command))
        self.host.put(policies, "/srv/policies")
        self.host.put(self.root.with_name("root.pub"), "/srv/root.pub")
        succeeded(self.operator.tool("trust", "update", "/srv/policies", "--trust-key", "/srv/root.pub"))

    def copy_in(self, folder):
        """Put a release where the one before lay."""
        medium = self.host.path("/srv/medium")
        if medium.exists():
            shutil.rmtree(medium)
        self.host.put(folder, "/srv/medium")
        return "/srv/medium"

    def upgrade(self, folder):
        """Let the installed tool upgrade to a release; return the run and the zipapps that it started."""
        log = self.folder / "calls"
        with needs.or_skip():
            strace = needs.program("strace", package="strace")
        seen = ("--follow-forks", "--quiet=all", "--trace=execve", "--string-limit=4096", f"--output={log}")
        done = self.operator.tool("upgrade", self.copy_in(folder), through=(strace, *seen, "--"))
        calls = [line for line in log.read_text().splitlines() if "execve(" in line and line.endswith("= 0")]
        started = {path for call in calls for path in re.findall(rf'"([^"]*{re.escape(INSTALLER)})"', call)}
        assert started, "nothing was seen"
        return done, started


@pytest.fixture(scope="module")
def site(workshop, tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    with ExitStack() as stack:
        with needs.or_skip():
            host = stack.enter_context(closed.closed_host("bookworm", folder / "host"))
        site = Site(host, workshop, folder)
        site.operator.install(site.operator.copy_in(workshop.hello(host.python)), "--prefix", site.operator.prefix)
        site.trust_the_heir()
        yield site


@pytest.fixture
def newer(site, tmp_path):
    """Give a release that the host would accept, to be bent."""
    folder = site.release(NEWER, site.heir)
    return shutil.copytree(folder, tmp_path / "bent" / folder.name)


def rig(folder):
    """Let a zipapp leave a trace as the first thing it does."""
    path = folder / INSTALLER
    with zipfile.ZipFile(path) as archive:
        members = [(info, archive.read(info)) for info in archive.infolist()]
    with zipfile.ZipFile(path, "w") as archive:
        for info, data in members:
            archive.writestr(info, RIGGED.encode() + data if info.filename == "__main__.py" else data)


def active(site):
    return json.loads(succeeded(site.operator.tool("status", "--json")).stdout)["active"]


def own(site):
    return f"{site.operator.prefix}/releases/{active(site)}/bundle/{INSTALLER}"


def refuses(site, folder, *words):
    before = site.operator.state()
    done, started = site.upgrade(folder)
    refused(done, 3, *words)
    assert started == {own(site)}
    assert not site.operator.exists(TRACE)
    assert site.operator.state() == before


def test_a_rigged_zipapp_would_leave_its_trace(site, newer):
    rig(newer)
    site.operator.installer(site.copy_in(newer), "--version")
    assert site.operator.exists(TRACE)
    site.host.path(TRACE).unlink()


def test_an_altered_zipapp_is_refused_and_does_not_run(site, newer):
    rig(newer)
    refuses(site, newer, INSTALLER)


def test_nor_does_one_that_the_sums_were_altered_for(site, newer):
    rig(newer)
    sign_again(newer, None)
    refuses(site, newer, SUMS)


def test_nor_one_that_a_stranger_signed(site, workshop, newer):
    rig(newer)
    sign_again(newer, load_signer(workshop.stranger, lambda: None))
    refuses(site, newer, "is an untrusted key")


def test_nor_one_by_the_key_that_only_the_old_zipapp_pins(site, workshop):
    refuses(site, site.release(NEWER, workshop.key), "is an untrusted key")


def test_nor_an_older_release(site):
    refuses(site, site.release(OLDER, site.heir), "older than the installed release")


def test_the_newer_one_takes_over_from_a_copy_and_is_not_taken_back(site, newer):
    previous, before = active(site), own(site)
    done, started = site.upgrade(newer)
    succeeded(done)
    (copy,) = started - {before}
    assert re.fullmatch(rf"{site.operator.prefix}/state/\.trial-[0-9a-f]+/{INSTALLER}", copy)
    assert not site.operator.exists(copy)
    assert active(site).startswith(f"{NEWER}-")
    assert active(site) != previous
    installed = site.host.path(own(site)).read_bytes()
    assert installed == (newer / INSTALLER).read_bytes()
    assert installed != site.host.path(before).read_bytes()
    succeeded(site.operator.run(f"{site.operator.prefix}/bin/hello-site", "x"))
    refuses(site, site.release(OLDER, site.heir), "older than the installed release")
    again, _started = site.upgrade(newer)
    succeeded(again)


def sign_again(folder, signer):
    """Give a folder sums that fit, signed by somebody or not at all anew."""
    (signature,) = folder.glob("*.sig")
    sums = read_sums((folder / SUMS).read_bytes(), SUMS)
    sums[INSTALLER] = hashlib.sha256((folder / INSTALLER).read_bytes()).hexdigest()
    (folder / SUMS).write_bytes(write_sums(sums))
    if signer is not None:
        signature.unlink()
        signed = signer.sign((folder / SUMS).read_bytes(), RELEASE_NAMESPACE)
        (folder / f"{SUMS}.{signer.key.keyid}.sig").write_bytes(signed)

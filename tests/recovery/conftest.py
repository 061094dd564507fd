"""A tiny installation of its own for each test, and a record of what uv was asked to install."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest

from installer.layout.prefix import Prefix
from installer.release import receipt
from installer.trust.admission import Candidate
from installer.trust.available import WHATEVER_THE_CLOCK_SAYS, Available
from recovery.recover import Recovery, recover
from recovery.request import RecoverRequest, inspect_and_plan
from shared.processes import process
from shared.programs.uv import Uv
from shared.terminal.progress import NoProgress
from tests.helpers import forgetful
from tests.tiny import SENTENCE, Tiny, install_tiny, tiny_bundle


@dataclass
class Host:
    """An installation that tests damage and repair."""

    prefix: Prefix
    tiny: Tiny

    @property
    def release(self):
        return self.prefix.active()

    @property
    def site(self):
        return self.release.site_packages(self.tiny.manifest.target.python)

    def inventory(self):
        """Path → content of the active release, but for what no two releases share."""
        items = receipt.read_receipt(self.release).items
        return {item.path: item.content for item in items if not item.path.endswith((".pyc", "uv_cache.json"))}

    def recorded(self, package):
        """RECORD of a package without uv's own note of when the wheel was written."""
        lines = next(self.site.glob(f"{package}-*.dist-info/RECORD")).read_text().splitlines()
        return [line for line in lines if "uv_cache.json" not in line]

    def answer(self):
        """What the application says to the probe's sentence, started as a user does."""
        env = {"PATH": "/usr/bin:/bin", "TINY_API_KEY": "k"}
        ended = process.run(
            [str(self.prefix.bin / "tiny"), "embed", SENTENCE], env=env, cwd=self.prefix.root, timeout=60
        )
        assert ended.ok, ended.stderr
        return json.loads(ended.stdout)

    def plan(self, bundle=None, policy=None, **options):
        with forgetful() as trust_stores:
            request = RecoverRequest(available=self.available(bundle, policy, trust_stores), **options)
            return inspect_and_plan(self.prefix, request.admit())[0]

    def recover(self, bundle=None, policy=None, **options) -> Recovery:
        with forgetful() as trust_stores:
            request = RecoverRequest(available=self.available(bundle, policy, trust_stores), **options)
            return recover(self.prefix, lambda plan: True, NoProgress(), request)

    def available(self, bundle, policy, trust_stores) -> Available:
        candidate = Candidate(bundle, self.prefix, trust_stores, WHATEVER_THE_CLOCK_SAYS) if bundle else None
        return Available(candidate, policy, named=True)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory) -> Tiny:
    return tiny_bundle(tmp_path_factory.mktemp("bundle"))


@pytest.fixture(scope="session")
def pristine(tiny, tmp_path_factory) -> Prefix:
    return install_tiny(tiny, tmp_path_factory.mktemp("pristine") / "prefix")


@pytest.fixture
def host(pristine, tiny, tmp_path) -> Host:
    # links and times stay, which shutil.copytree does not do
    assert process.run(["cp", "-a", str(pristine.root), str(tmp_path / "prefix")], timeout=60).ok
    return Host(Prefix(tmp_path / "prefix"), tiny)


@pytest.fixture
def newer(tiny, tmp_path) -> Tiny:
    """A bundle of the next release, by the same signer."""
    changed = {"src/helper.py": "HELP = 2\n"}
    counter = tiny.manifest.product.counter + 1
    key = tiny.key.with_suffix("")
    return tiny_bundle(tmp_path / "newer", counter=counter, version="1.1.0", sources=changed, key=key)


@pytest.fixture
def installed(monkeypatch):
    """The names in each lock that uv is request."""
    calls = []
    install = Uv.install

    def noted(self, python, pylock):
        text = pylock.read_text()
        calls.append([line.split('"')[1] for line in text.splitlines() if line.startswith("name = ")])
        install(self, python, pylock)

    monkeypatch.setattr(Uv, "install", noted)
    return calls

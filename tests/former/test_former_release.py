"""What a former release made still serves: its bundle is installed, its prefix validated, repaired, upgraded, removed.

``former_release.tar.gz`` was made by ``make_release.py`` with that release's code, and never changes.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from bootstrap import cli
from bundle.target import host_target
from installer.layout.prefix import Prefix
from installer.release import receipt
from shared.files import files
from tests.former.make_release import NOTE, PYTHON, SIGNER, write_key
from tests.reliability import victim
from tests.tiny import COUNTER, EMBEDDING, KEY, SENTENCE, tiny_bundle
from validator.check import CATEGORIES, PERFORMANCE

MADE_FOR = ("linux-x86_64", (3, 11))
pytestmark = [
    pytest.mark.skipif(
        (str(host_target()), sys.version_info[:2]) != MADE_FOR,
        reason="what was made then runs on CPython 3.11 of x86_64 Linux",
    ),
    pytest.mark.usefixtures("host"),
]
fcntl = pytest.importorskip("fcntl", reason="links and locks of POSIX")
ARCHIVE = Path(__file__).with_name("former_release.tar.gz")
VALIDATE = ["validate"]  # without measurements
for _category in set(CATEGORIES) - {PERFORMANCE}:
    VALIDATE += ["--category", _category]
# an installer of today's code, which keeps what it accepts where the test says
TODAY = """
import json, sys
sys.path.insert(0, {root!r})
from tests.reliability import victim
sys.exit(victim.main([json.dumps({{"trust": {trust!r}, "programs": {{}}}}), *sys.argv[1:]]))
"""


@pytest.fixture
def python():
    """Name this interpreter as the host did whose prefix it is, one run of the tests at a time."""
    folder = os.open(PYTHON.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        PYTHON.unlink(missing_ok=True)
        PYTHON.symlink_to(os.path.realpath(sys.base_prefix))
        yield
        PYTHON.unlink()
    finally:
        os.close(folder)


@pytest.fixture
def trust(tmp_path, monkeypatch) -> Path:
    """Give this process the places of trust that the program of a newer installer has."""
    folder = tmp_path / "trust"
    monkeypatch.setattr("bootstrap.api.here.host_trust_stores", lambda: victim.places_in(folder))
    return folder


@pytest.fixture
def made(python, trust, tmp_path) -> Path:
    """Unpack what the former release made, and let this host trust whom that one trusted."""
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(tmp_path / "made", filter="tar")
    shutil.copytree(tmp_path / "made" / "trust", trust / "host")
    return tmp_path / "made"


@pytest.fixture
def call(capfd):
    """Call the command line as an operator does; return what it writes as JSON."""

    def call(*words, code=0):
        ended = cli.main([*map(str, words), "--json"])
        out, err = capfd.readouterr()
        assert ended == code, (words, out, err)
        return json.loads(out)

    return call


@pytest.fixture
def newer(made, trust, tmp_path) -> Path:
    """Make the next release with today's builder and installer, signed by whom the host trusts."""
    data = io.BytesIO()
    root = Path(__file__).resolve().parents[2]
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("__main__.py", TODAY.format(root=str(root), trust=str(trust)))
    signer = write_key(tmp_path, SIGNER)
    return tiny_bundle(
        tmp_path / "newer", counter=COUNTER + 2, version="2.0.0", installer=data.getvalue(), key=signer
    ).folder


def answer(prefix: Prefix) -> list[float]:
    argv = [str(prefix.bin / "tiny"), "embed", SENTENCE]
    done = subprocess.run(argv, env={"PATH": "/usr/bin:/bin", KEY: "k"}, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def statuses(report) -> dict[str, str]:
    """Return what found a fault or a doubt, by its name."""
    return {
        check["check_name"]: check["details"]
        for check in report["validation_results"]
        if check["status"] in ("FAIL", "WARN")
    }


def test_its_bundle_is_installed_and_repairs(made, call, tmp_path):
    assert call("verify", made / "bundle")["product"]["counter"] == COUNTER + 1
    at = ("--prefix", tmp_path / "new")
    call("install", made / "bundle", *at)
    prefix = Prefix(tmp_path / "new")
    (prefix.root / ".env").write_text(f"{KEY}=k\n")
    assert statuses(call(*VALIDATE, *at)) == {}
    assert answer(prefix) == list(EMBEDDING)
    for gone in (prefix.active().models, prefix.store):
        files.remove_tree(gone)
    assert "Model files" in statuses(call(*VALIDATE, *at, code=1))
    call("recover", "--yes", "--bundle", made / "bundle", *at)
    assert statuses(call(*VALIDATE, *at)) == {}


def test_its_prefix_lives_on(made, newer, call):
    prefix = Prefix(made / "prefix")
    previous, active = (release.id for release in sorted(prefix.complete_releases(), key=lambda each: each.order))
    at = ("--prefix", prefix.root)
    assert statuses(call(*VALIDATE, *at)) == {}
    assert answer(prefix) == list(EMBEDDING)
    assert call("audit-log", "verify", *at)
    assert len(call("backup", "list", *at)["backups"]) == 2

    release = prefix.active()
    for path in (release.app / "app.py", release.app / "src" / "helper.py"):
        path.parent.chmod(0o755)
        path.chmod(0o644)
    (release.app / "app.py").write_text("damaged\n")
    (release.app / "src" / "helper.py").unlink()
    assert "Integrity" in statuses(call(*VALIDATE, *at, code=1))
    call("recover", "--yes", *at)
    assert prefix.active().id == active.replace("-r1", "-r2")
    assert statuses(call(*VALIDATE, *at)) == {}

    call("rollback", *at)
    assert prefix.active().id == previous
    assert statuses(call(*VALIDATE, *at)) == {}
    assert answer(prefix) == list(EMBEDDING)

    assert call("upgrade", newer, *at)
    assert prefix.active().manifest().product.version == "2.0.0"
    assert receipt.compare(prefix.active(), receipt.read_receipt(prefix.active())) == []
    assert statuses(call(*VALIDATE, *at)) == {}
    call("rollback", *at)
    assert prefix.active().manifest().product.version != "2.0.0"
    assert (prefix.data / "data" / "notes.txt").read_text() == NOTE
    assert call("audit-log", "verify", *at)

    call("uninstall", "--yes", *at)
    assert not prefix.exists
    assert (prefix.data / "data" / "notes.txt").read_text() == NOTE

"""Dry runs: each says what it would do, ends with ready or with what to fix, and writes nothing."""

from __future__ import annotations

import json
import os
import sys

import pytest

from bootstrap import cli
from builder.signing.sign import generate_key, load_signer
from shared.files import files
from tests.policies import lay, make_policy
from tests.reliability import victim
from tests.schemas import validated
from tests.tiny import COUNTER, tiny_bundle

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="modes of POSIX")


def tree(folder) -> dict[str, tuple[int, int, int]]:
    """Return all that lies below a folder, with what shows that it was written."""
    found = {}
    for place, folders, names in os.walk(folder):
        for name in [*folders, *names]:
            status = os.lstat(os.path.join(place, name))
            written = 0 if name in folders else status.st_mtime_ns  # whether a folder can be written is found by trying
            found[os.path.join(place, name)] = (status.st_ino, written, status.st_mode)
    return found


@pytest.fixture
def host_folder(prefix, tiny, tmp_path, host, monkeypatch):
    """Give a host with two versions installed, whose trust store is in the test's folder, as are all files named."""
    trust = victim.places_in(tmp_path / "trust")
    monkeypatch.setattr("bootstrap.api.here.host_trust_stores", lambda: trust)
    monkeypatch.chdir(tmp_path)
    newer = tiny_bundle(tmp_path / "newer", counter=COUNTER + 1, version="2.0.0", key=tiny.key.with_suffix(""))
    words = ["install", str(newer.folder), "--trust-key", str(tiny.key), "--prefix", str(prefix.root)]
    assert cli.main(words) == 0
    assert cli.main(["backup", "--prefix", str(prefix.root)]) == 0
    (tmp_path / "next").mkdir()
    for name in ("owner", "stranger"):
        generate_key(tmp_path / name, None)
    owner = load_signer(tmp_path / "owner", lambda: None)
    lay(tmp_path / "policies", make_policy(1, [owner.key], [owner.key]), owner)
    return tmp_path


@pytest.fixture
def rehearse(host_folder, prefix, tiny, capsys):
    """Call a command with --dry-run, in words and as JSON; nothing may be written. Return the code and the lines."""

    def rehearse(line: str, schema: str = "dry-run"):
        words = [*line.format(bundle=tiny.folder, key=tiny.key).split(), "--dry-run", "--prefix", str(prefix.root)]
        before = tree(host_folder)
        code = cli.main(words)
        out = capsys.readouterr().out
        assert cli.main([*words, "--json"]) == code
        validated(schema, capsys.readouterr().out)
        assert tree(host_folder) == before
        return code, out.splitlines()

    return rehearse


READY = "Ready."
ONE = "1 thing to fix."
CALLS = (
    ("rollback", 0, "Would activate ", READY),
    ("rollback --to 1-0123456789ab-r1", 4, "is not retained", ONE),
    ("uninstall", 0, "Would stay: ", READY),
    ("uninstall --purge", 0, "with all data", READY),
    ("index pypi {bundle} --trust-key {key}", 0, "Would write 4 wheels", READY),
    ("index policies {bundle} --trust-key {key}", 2, "already exists", ONE),
    ("trust update policies --trust-key owner.pub", 0, "Would adopt policy 1.", READY),
    ("trust update policies --trust-key stranger.pub", 3, "NO", ONE),
    ("trust update policies --trust-key owner.pub --only-prefix", 0, "Would adopt policy 1.", READY),
    ("trust accept-memory", 0, "", READY),
    ("advisories update owner.pub", 3, "NO", ONE),
)


@pytest.mark.parametrize(("line", "code", "word", "last"), CALLS, ids=[line for line, *_rest in CALLS])
def test_it_says_what_it_would_do_and_writes_nothing(rehearse, line, code, word, last) -> None:
    ended, lines = rehearse(line)
    assert (ended, lines[-1]) == (code, last), lines
    assert word in "\n".join(lines)


def test_those_that_had_one_end_so_too(rehearse, prefix) -> None:
    for line, schema in (("backup", "backup"), ("backup restore latest", "backup"), ("recover", "recover")):
        assert rehearse(line, schema)[1][-1] == READY
    release = prefix.active()
    files.remove_tree(release.app / "src")
    code, lines = rehearse("recover", "recover")
    assert (code, lines[-1]) == (0, READY)


def test_an_older_bundle_is_refused_before_anything_else(host_folder, prefix, tiny, capsys) -> None:
    words = ["install", str(tiny.folder), "--trust-key", str(tiny.key), "--dry-run", "--prefix", str(prefix.root)]
    before = tree(host_folder)
    assert cli.main([*words, "--json"]) == 3
    assert "error" in json.loads(capsys.readouterr().out)
    assert tree(host_folder) == before


def test_an_upgrade_is_rehearsed_by_the_installed_tool(host_folder, rehearse, tiny, prefix) -> None:
    signer = load_signer(tiny.key.with_suffix(""), lambda: None)
    lay(host_folder / "trust" / "host", make_policy(1, [signer.key], [signer.key]), signer)
    key = tiny.key.with_suffix("")
    later = tiny_bundle(host_folder / "later", counter=COUNTER + 2, version="3.0.0", key=key)
    code, lines = rehearse(f"upgrade {later.folder}", "install-dry-run")
    assert (code, lines[-1]) == (0, READY), lines
    assert f"Tiny-App 3.0.0, 4 packages, into {prefix.root}" in lines

"""Second copies that rot are seen before they are needed; what a repair can write again, it does."""

from __future__ import annotations

import json

import pytest

from installer.layout import proofs
from installer.logs import audit_log
from installer.userdata.backups import list_backups
from shared.files import files
from tests.reliability import world as worlds

CHECK = "security.copies"


@pytest.fixture
def prefix(world, place):
    """Give a prefix of two releases, each with metadata, and one backup."""
    return world.start(worlds.ROLLBACK, place)


def judged(prefix):
    said = worlds.run(["validate", "--full", "--check", CHECK, "--json", "--prefix", str(prefix.root)])
    assert said.out.startswith("{"), said
    results = json.loads(said.out)["validation_results"]
    return [(result["check_name"], result["status"], result.get("command") or "") for result in results], said.out


def test_all_copies_are_compared(prefix):
    found, said = judged(prefix)
    assert [status for _name, status, _command in found] == ["PASS"] * 3
    for words in ("2 retained releases", "2 entries, chain intact; files: 1", "1 backup: "):
        assert words in said


def proof(prefix, release, name="SHA256SUMS"):
    (place,) = proofs.copies_of(prefix, release)
    return place / name


def rot(path):
    path.chmod(0o644)
    data = path.read_bytes()
    path.write_bytes(data[:-3] + bytes([data[-3] ^ 1]) + data[-2:])


@pytest.mark.parametrize("damage", ["active", "former", "gone"])
def test_a_second_copy_of_metadata_is_written_again(prefix, damage):
    previous, active = prefix.complete_releases()
    if damage == "gone":
        files.remove_tree(proofs.folder(prefix))
    else:
        rot(proof(prefix, active if damage == "active" else previous))
    found, _said = judged(prefix)
    assert [status for _name, status, _command in found] == ["FAIL", "PASS", "PASS"]
    assert " recover " in found[0][2]
    worlds.tell(["recover", "--yes", "--prefix", str(prefix.root)])
    assert [status for _name, status, _command in judged(prefix)[0]] == ["PASS"] * 3


@pytest.mark.parametrize("what", ["index", "content"])
def test_a_backup_that_rotted_is_named(prefix, what):
    (backup,) = list_backups(prefix)
    rot(backup.path / ("index.json" if what == "index" else "files/.env"))
    found, said = judged(prefix)
    assert [status for _name, status, _command in found] == ["PASS", "PASS", "FAIL"]
    assert backup.name in said


def test_a_log_that_rotted_is_named(prefix):
    path = audit_log.log_file(prefix)
    path.write_bytes(path.read_bytes().replace(b'"install"', b'"nothing"', 1))
    found, said = judged(prefix)
    assert [status for _name, status, _command in found] == ["PASS", "FAIL", "PASS"]
    assert f"{path}, line 2" in said

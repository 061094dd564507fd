"""A host whose memory is lost goes on from what is installed: newer releases, nothing lower, until it is accepted."""

from __future__ import annotations

import json
import sys

import pytest

from bootstrap import api, cli
from bundle.signing.signature import ED25519
from installer.layout.prefix import Prefix
from installer.logs import audit_log
from installer.trust import authority, memory
from installer.trust.authority import read_key
from shared.errors import TrustError
from shared.files import files
from tests.keys import SoftKey
from tests.policies import lay, make_policy
from tests.tiny import COUNTER, PRODUCT, tiny_bundle
from validator.check import FAIL, PASS, WARN

ROOT = SoftKey(ED25519)


@pytest.fixture
def damaged(tiny, prefix, trust_stores, host):
    """Give an installation on a host that trusts its signer, the memory garbage in both copies."""
    lay(trust_stores.host, make_policy(1, [read_key(str(tiny.key))], [ROOT.key]), ROOT)
    memory.remember(trust_stores.host, policy=1, counters={PRODUCT: COUNTER})
    for name in memory.NAMES:
        (trust_stores.host / name).write_bytes(b"garbage")
    return prefix


def judged(prefix):
    report = api.validate(prefix.root, checks=["security.memory"])
    return [(result.status, result.command) for result in report.results]


def refusal(folder, prefix):
    with pytest.raises(TrustError) as caught:
        api.install(api.open_bundle(folder), prefix.root)
    return str(caught.value)


def test_the_same_or_newer_goes_on_and_lower_is_refused(tiny, damaged, tmp_path, trust_stores):
    key = tiny.key.with_suffix("")
    older = tiny_bundle(tmp_path / "older", counter=COUNTER - 1, key=key).folder
    assert "older than" in refusal(older, damaged)
    # where nothing shows what was accepted; one of the copies may be missing
    (trust_stores.host / memory.NAMES[1]).unlink()
    assert "no intact copy of its records" in refusal(older, Prefix(tmp_path / "fresh"))
    assert api.trust_state(damaged.root).authority.source == authority.HOST
    api.install(api.open_bundle(tiny.folder), damaged.root)
    found = authority.stored_by_host(trust_stores)
    assert (found.problems, found.memory) == ({}, memory.Memory(1, {PRODUCT: COUNTER}, rebuilt=True))
    assert "older than the release that this host accepted" in refusal(older, Prefix(tmp_path / "fresh"))


def test_recover_mends_and_an_administrator_accepts(damaged, trust_stores, capsys):
    (status, command) = judged(damaged)[0]
    assert (status, " recover" in command) == (FAIL, True)
    assert cli.main(["recover", "--yes", "--prefix", str(damaged.root)]) == 0
    assert authority.host_memory(trust_stores) == memory.Memory(1, {PRODUCT: COUNTER}, rebuilt=True)
    ((status, command),) = judged(damaged)
    assert (status, " trust accept-memory" in command) == (WARN, True)
    assert cli.main(["trust", "accept-memory", "--prefix", str(damaged.root)]) == 2  # nobody can be asked
    capsys.readouterr()
    assert cli.main(["trust", "accept-memory", "--yes", "--json", "--prefix", str(damaged.root)]) == 0
    reported = json.loads(capsys.readouterr().out)
    assert reported["accepted"] == {"policy": 1, "counters": {PRODUCT: COUNTER}}
    assert reported["audit_head"] == audit_log.head(damaged)
    assert audit_log.entries(damaged)[-1]["action"] == "accept-memory"
    assert [status for status, _command in judged(damaged)] == [PASS]


def test_accepting_says_what_it_accepts(damaged, capsys):
    assert cli.main(["trust", "accept-memory", "--yes", "--prefix", str(damaged.root)]) == 0
    out = capsys.readouterr().out
    assert f"{memory.NAME}: " in out
    assert f"{memory.COPY}: " in out
    assert f"release counters below {COUNTER} are not accepted" in out


def test_what_the_audit_log_shows_counts_where_its_release_is_gone(damaged, tmp_path, tiny):
    audit_log.append(damaged, "install", "done", release=f"{COUNTER + 5}-{'a' * 12}-r1", product=PRODUCT)
    same = tiny_bundle(tmp_path / "same", counter=COUNTER + 4, key=tiny.key.with_suffix("")).folder
    assert "older than the release that this host accepted" in refusal(same, damaged)


@pytest.mark.parametrize("name", memory.NAMES)
def test_validate_names_the_damaged_copy(tiny, prefix, trust_stores, name):
    memory.remember(trust_stores.make_own(), counters={PRODUCT: COUNTER})
    (trust_stores.host / name).write_bytes(b"{")
    report = api.validate(prefix.root, checks=["security.memory"])
    (result,) = report.results
    assert (result.status, str(trust_stores.host / name) in result.details) == (FAIL, True)


def test_what_is_installed_and_not_remembered_is_told_and_mended(prefix, trust_stores):
    ((status, _command),) = judged(prefix)
    assert status == WARN
    assert cli.main(["recover", "--yes", "--prefix", str(prefix.root)]) == 0
    assert judged(prefix)[0][0] == PASS
    assert authority.host_memory(trust_stores).products == {PRODUCT: COUNTER}


@pytest.mark.skipif(sys.platform == "win32", reason="modes of POSIX")
def test_a_memory_that_cannot_be_written_is_told_and_stops_no_repair(damaged, trust_stores, capsys, monkeypatch):
    def refuse(path, _data):
        raise OSError(30, "Read-only file system", str(path))

    monkeypatch.setattr(files, "write_atomic", refuse)
    assert cli.main(["recover", "--yes", "--prefix", str(damaged.root)]) == 0
    assert "Cannot rewrite" in capsys.readouterr().err

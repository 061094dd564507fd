"""The audit log goes on across files, and stays one chain wherever a rotation is cut short."""

from __future__ import annotations

import itertools
import json
import os

import pytest

from bootstrap import cli
from installer.layout import log_files
from installer.layout.prefix import Prefix
from installer.logs import audit_log
from shared.errors import TrustError
from shared.files import files


@pytest.fixture
def log(tmp_path, monkeypatch):
    """Give a prefix whose log has three files and a current one, of some lines each."""
    prefix = Prefix(tmp_path / "prefix")
    prefix.make()
    monkeypatch.setattr(log_files, "ROTATE_AT", 1000)
    numbers = itertools.count()
    while len(log_files.rotated(prefix.audit)) < 3:
        audit_log.append(prefix, "test", "done", number=next(numbers))
    audit_log.append(prefix, "test", "done", number=next(numbers))
    return prefix


def names(prefix):
    return sorted(path.name for path in prefix.audit.iterdir())


def heads(prefix):
    return [audit_log._hash(line) for line in audit_log.lines(prefix)]


def test_the_chain_goes_on_across_files(log, tmp_path, capsys):
    assert names(log) == [*(f"audit.{number:06}.jsonl" for number in (1, 2, 3)), "audit.jsonl"]
    known = heads(log)
    assert audit_log.verify(log) == (len(known), audit_log.head(log))
    assert [entry["number"] for entry in audit_log.entries(log)] == list(range(len(known)))
    for head in known:  # whichever file it is of
        audit_log.verify(log, head)
    with pytest.raises(TrustError, match="does not contain the head"):
        audit_log.verify(log, "f" * 64)
    prefix = ["--prefix", str(log.root)]
    assert cli.main(["audit-log", "export", str(tmp_path / "all"), *prefix]) == 0
    assert (tmp_path / "all").read_bytes().count(b"\n") == len(known)
    capsys.readouterr()
    assert cli.main(["audit-log", "show", "--json", *prefix]) == 0
    assert len(json.loads(capsys.readouterr().out)["entries"]) == len(known)
    assert cli.main(["audit-log", "verify", "--head", known[0], *prefix]) == 0


@pytest.mark.parametrize("number", [1, 2])
def test_a_missing_file_is_named(log, number):
    path = log.audit / f"audit.{number:06}.jsonl"
    path.unlink()
    with pytest.raises(TrustError) as caught:
        audit_log.verify(log)
    assert str(path) in str(caught.value)


def test_the_last_full_file_missing_breaks_the_chain_and_an_altered_line_is_named(log):
    path = log.audit / "audit.000003.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b'"test"', b'"tost"', 1))
    with pytest.raises(TrustError, match=r"audit\.000003\.jsonl, line 2"):
        audit_log.verify(log)
    path.write_bytes(whole[:-5])  # a full file has no line that a crash cut short
    with pytest.raises(TrustError, match=r"audit\.000003\.jsonl"):
        audit_log.verify(log)
    path.unlink()
    with pytest.raises(TrustError, match=r"audit\.jsonl, line 1"):
        audit_log.verify(log)


@pytest.mark.parametrize("step", ["replace", "sync_folder", "open_own"])
def test_a_rotation_cut_short_anywhere_leaves_a_whole_chain(log, monkeypatch, step):
    while audit_log.log_file(log).stat().st_size < log_files.ROTATE_AT:
        audit_log.append(log, "test", "done")
    with audit_log.log_file(log).open("ab") as file:
        file.write(b"torn")
    before, calls, real = heads(log), itertools.count(), getattr(files, step)

    def stop(*arguments):
        if step != "open_own" or next(calls) == 1:  # the rotation opens it once, the writer then
            raise KeyboardInterrupt
        return real(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(files, step, stop)
        with pytest.raises(KeyboardInterrupt):
            log_files.append(log.audit, b"{}")
    assert heads(log) == before
    assert audit_log.verify(log, before[-1])[0] == len(before)
    audit_log.append(log, "test", "after")
    assert audit_log.verify(log, before[-1])[0] == len(before) + 1
    assert heads(log)[:-1] == before


def test_a_rotation_that_the_system_refuses_stops_no_entry(log, monkeypatch):
    monkeypatch.setattr(log_files, "ROTATE_AT", 1)

    def refuse(_source, target):
        raise PermissionError(13, "used by another program", str(target))

    monkeypatch.setattr(files, "replace", refuse)
    head, count = audit_log.append(log, "test", "done"), len(names(log))
    assert audit_log.verify(log, head)[1] == head
    assert len(names(log)) == count


def test_the_writer_keeps_the_bound_of_the_readers(log):
    audit_log.append(log, "test", "done", many=["x" * 100] * (log_files.LINE_LIMIT // 100))
    assert audit_log.entries(log)[-1]["left_out"] == ["many"]
    with audit_log.log_file(log).open("ab") as file:
        file.write(b"x" * log_files.LINE_LIMIT + b"\n")
    with pytest.raises(TrustError, match="exceeds the maximum length of an entry"):
        audit_log.verify(log)


def test_a_log_of_one_large_file_from_before_is_rotated_whole(log, monkeypatch):
    for path in list(log_files.rotated(log.audit).values()):
        path.unlink()
    audit_log.log_file(log).unlink()
    monkeypatch.setattr(log_files, "ROTATE_AT", 1 << 30)
    for _number in range(5):
        audit_log.append(log, "test", "done")
    known = heads(log)
    monkeypatch.setattr(log_files, "ROTATE_AT", 100)
    audit_log.append(log, "test", "done")
    assert heads(log)[:-1] == known
    assert names(log) == ["audit.000001.jsonl", "audit.jsonl"]


def test_a_removal_leaves_all_files(log):
    assert cli.main(["uninstall", "--yes", "--prefix", str(log.root)]) == 0
    assert len(names(log)) >= 4
    assert log.is_left
    assert os.listdir(log.state) == ["audit"]
    audit_log.verify(log)

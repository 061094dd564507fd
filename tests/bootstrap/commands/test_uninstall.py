"""What an uninstallation leaves is named, wherever it is, and the audit log can be exported first."""

from __future__ import annotations

import json

from bootstrap import cli
from installer.layout.prefix import Prefix
from installer.logs import audit_log
from tests.installed import make_prefix
from tests.schemas import validated


def test_everything_that_stays_is_named(tmp_path, host, trust_stores, capsys, monkeypatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "users"))
    trust_stores.make_own()
    prefix = make_prefix(tmp_path)
    (prefix.data / "mine.txt").write_text("mine")
    assert cli.main(["uninstall", "--yes", "--prefix", str(prefix.root)]) == 0
    out = capsys.readouterr().out
    logs = tmp_path / "users/ragtrace/logs"
    for path in (prefix.data, prefix.backups, prefix.audit, logs, trust_stores.own):
        assert path.is_dir()
        assert str(path) in out


def test_a_later_purge_finds_what_was_left_and_exports_the_audit_log(tmp_path, host, capsys) -> None:
    prefix, exported = make_prefix(tmp_path), tmp_path / "log.jsonl"
    assert cli.main(["uninstall", "--yes", "--prefix", str(prefix.root)]) == 0
    entries = audit_log.entries(prefix)
    capsys.readouterr()
    options = ["--purge", "--yes", "--audit-log", str(exported), "--json"]
    assert cli.main(["uninstall", *options, "--prefix", str(prefix.root)]) == 0
    assert validated("uninstall", capsys.readouterr().out)["stays"] == []
    assert [json.loads(line) for line in exported.read_text().splitlines()] == entries
    assert not prefix.root.exists()


def test_a_purge_without_a_place_to_export_to_names_the_option(tmp_path, host, capsys) -> None:
    prefix = make_prefix(tmp_path)
    assert cli.main(["uninstall", "--purge", "--prefix", str(prefix.root)]) == 2
    assert "--audit-log FILE" in capsys.readouterr().err
    assert prefix.active() is not None


def test_nothing_is_removed_if_the_export_fails(tmp_path, host, capsys) -> None:
    prefix = make_prefix(tmp_path)
    options = ["--purge", "--yes", "--audit-log", str(tmp_path / "missing" / "log.jsonl")]
    assert cli.main(["uninstall", *options, "--prefix", str(prefix.root)]) in (2, 4)
    with audit_log.log_file(prefix).open("ab") as log:
        log.write(b"{}\n")
    options[-1] = str(tmp_path / "log.jsonl")
    assert cli.main(["uninstall", *options, "--prefix", str(prefix.root)]) == 3
    assert Prefix(prefix.root).active() is not None

"""``recover`` on the command line: shows, asks, repairs, checks, and says so by its exit code."""

from __future__ import annotations

import io
import json

import pytest

from bootstrap import cli
from installer.layout.store import Store


@pytest.fixture
def damaged(host):
    (host.site / "tiny_lib" / "more.py").unlink()
    return host


def call(host, *arguments):
    return cli.main(["recover", "--prefix", str(host.prefix.root), "--quiet", *arguments])


def test_the_help_says_when_a_key_of_the_operator_counts(capsys):
    with pytest.raises(SystemExit, match="0"):
        cli.main(["recover", "--help"])
    assert "if neither this host nor this tool specifies any" in " ".join(capsys.readouterr().out.split())


def test_nothing_to_repair(host, capsys):
    assert call(host) == 0
    assert "Nothing to repair" in capsys.readouterr().out


def test_a_dry_run_shows_and_writes_nothing(damaged, capsys):
    before = sorted(damaged.prefix.root.rglob("*"))
    assert call(damaged, "--dry-run") == 0
    shown = capsys.readouterr().out
    assert "tiny_lib/more.py" in shown
    assert "risk: low" in shown
    assert sorted(damaged.prefix.root.rglob("*")) == before


def test_without_a_terminal_and_yes_only_the_plan_is_shown(damaged, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("yes\n"))
    release = damaged.release
    assert call(damaged) == 2
    reported = capsys.readouterr()
    assert "tiny-lib" in reported.out
    assert "--yes" in reported.err
    assert damaged.release == release


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(("answer", "code"), [("yes\n", 0), ("no\n", 1), ("", 1)])
def test_a_person_is_asked(damaged, monkeypatch, answer, code):
    monkeypatch.setattr("sys.stdin", Terminal(answer))
    release = damaged.release
    assert call(damaged) == code
    assert (damaged.release == release) == (code != 0)


def test_what_was_repaired_is_checked_and_told(damaged, capsys):
    assert call(damaged, "--yes", "--json") == 0
    done = json.loads(capsys.readouterr().out)
    assert done["applied"]
    assert done["active"] == damaged.release.id
    assert {result["status"] for result in done["results"]} == {"PASS"}
    assert done["plan"]["remedies"][0]["names"] == ["tiny-lib"]


@pytest.mark.parametrize("form", [["{}"], ["--diagnosis", "{}"]])
def test_a_bad_diagnosis_is_refused(damaged, tmp_path, capsys, form):
    path = tmp_path / "diagnosis.json"
    path.write_text("\x1b[2J")
    assert call(damaged, *(part.format(path) for part in form), "--yes") == 3
    reported = capsys.readouterr()
    assert "\x1b" not in reported.out + reported.err
    assert damaged.release.id.endswith("-r1")


def test_two_diagnoses_are_one_too_many(damaged):
    assert call(damaged, "a.json", "--diagnosis", "b.json") == 2


def test_what_cannot_be_repaired_says_what_to_bring(host, capsys):
    spoil_weights(host)
    assert call(host, "--yes") == 4
    reported = capsys.readouterr().err
    assert host.tiny.manifest.folder in reported
    assert host.tiny.manifest.archive in reported
    assert "models/tiny/weights.json" in reported


def spoil_weights(host):
    entry = host.tiny.manifest.entry("07_Models/tiny/weights.json")
    for path in (host.release.models / entry.inner, Store(host.prefix.store).path(entry.sha256)):
        path.chmod(0o644)
        path.write_text("{}")


def test_a_repair_in_part_says_so_to_people_and_machines(host, capsys):
    spoil_weights(host)
    (host.site / "tiny_lib" / "more.py").unlink()
    entry = host.tiny.manifest.entry("07_Models/tiny/weights.json")
    assert call(host, "--dry-run", "--json") == 0
    assert json.loads(capsys.readouterr().out)["plan"]["in_part"]
    assert call(host, "--yes") == 1
    reported = capsys.readouterr().out
    assert "Partially repaired." in reported
    for word in ("models/tiny/weights.json", entry.sha256, entry.path, host.tiny.manifest.folder):
        assert word in reported
    (host.site / "tiny_lib" / "more.py").unlink()
    assert call(host, "--yes", "--json") == 1
    plan = json.loads(capsys.readouterr().out)["plan"]
    assert plan["in_part"]
    (left,) = plan["left"]
    path = f"releases/{plan['release'][:-1]}2/models/tiny/weights.json"
    assert left == {
        "name": "tiny",
        "path": path,
        "bundle_path": entry.path,
        "size": entry.size,
        "sha256": entry.sha256,
    }

"""What is logged about a run is in English and readable, whatever the operator's language is."""

from __future__ import annotations

import json
import re

import pytest

from bootstrap import cli
from installer.layout.prefix import Prefix
from installer.logs import audit_log
from shared import i18n
from tests.tiny import COUNTER, tiny_bundle

HANGUL = re.compile("[가-힣]")


@pytest.fixture
def korean(host, monkeypatch):
    monkeypatch.setenv("RAGTRACE_LANG", "ko")
    i18n.translations.cache_clear()
    yield
    monkeypatch.undo()
    i18n.translations.cache_clear()


def logged(*folders) -> list[dict[str, str]]:
    files = [path for folder in folders for path in sorted(folder.rglob("*.log"))]
    return [json.loads(line) for path in files for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.usefixtures("korean", "trust_stores")
def test_the_life_of_an_installation_in_korean(tiny, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "users"))
    prefix, key = Prefix(tmp_path / "prefix"), ("--trust-key", str(tiny.key))
    into = ("--prefix", str(prefix.root))
    assert cli.main(["install", str(tiny.folder), *key, *into]) == 0
    assert "호스트 점검" in capsys.readouterr().err
    assert cli.main(["validate", "--skip", "ragtrace.cli", "--category", "Security", "--category", "System", *into]) < 2
    broken = {"app.py": "import sys\nsys.exit('broken on purpose')\n"}
    next_one = tiny_bundle(tmp_path / "next", counter=COUNTER + 1, key=tiny.key.with_suffix(""), sources=broken)
    assert cli.main(["install", str(next_one.folder), *key, *into]) == 5
    assert cli.main(["rollback", *into]) == 4
    assert HANGUL.search(capsys.readouterr().err)
    entries = logged(prefix.logs, tmp_path / "users")
    assert len(entries) > 50
    assert [entry for entry in entries if HANGUL.search(json.dumps(entry, ensure_ascii=False))] == []
    assert any("broken on purpose" in entry.get("traceback", "") for entry in entries)
    *_others, failed = audit_log.entries(prefix)
    assert failed["outcome"] == "failed"
    assert not HANGUL.search(failed["reason"])
    assert re.fullmatch("[0-9a-f]{8}", failed["reason_id"])


@pytest.mark.usefixtures("host", "trust_stores")
def test_identifiers_are_the_same_in_both_languages(tiny, tmp_path, monkeypatch) -> None:
    found = []
    for language in ("en", "ko"):
        monkeypatch.setenv("RAGTRACE_LANG", language)
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / language))
        i18n.translations.cache_clear()
        into = ("--prefix", str(tmp_path / language / "prefix"))
        assert cli.main(["install", str(tiny.folder), "--trust-key", str(tiny.key), *into]) == 0
        entries = [entry for entry in logged(tmp_path / language) if "audit_head" not in entry]
        found.append([(entry.get("id"), entry["message"].replace(str(tmp_path / language), "")) for entry in entries])
    assert found[0] == found[1]
    assert sum(identifier is not None for identifier, _message in found[0]) > 10


@pytest.mark.usefixtures("host", "trust_stores")
def test_names_in_korean_stay_readable_in_the_log(tiny, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "users"))
    prefix = tmp_path / "설치"
    assert cli.main(["install", str(tiny.folder), "--trust-key", str(tiny.key), "--prefix", str(prefix)]) == 0
    assert cli.main(["recover", "--prefix", str(prefix), str(tmp_path / "없음.json")]) == 2
    (log,) = [path.read_text(encoding="utf-8") for path in (prefix / "state/logs").glob("*-recover-*.log")]
    assert "없음.json" in log
    assert "\\u" not in log

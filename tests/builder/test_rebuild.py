"""Building again: the same bytes wherever it is done, and differences that name their place."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from typing import Any

import pytest

from builder import cli
from builder.assemble.differences import explain
from builder.zipapp import pack
from tests.builder.evidence_project import build, make_project, stand_in
from tests.hosts import needs
from tests.schemas import validated

RUN = "python -m audited"


@pytest.fixture
def _quick(monkeypatch) -> None:
    monkeypatch.setattr(pack, "build_zipapp", stand_in)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")


@pytest.fixture
def project(tmp_path):
    return make_project(tmp_path / "project")


@pytest.fixture
def bundle(_quick, project, tmp_path, monkeypatch):
    (project / "left.log").write_text("a rebuild leaves it out as well")
    assert (
        build(project, tmp_path / "out", "--extra", "more", "--counter", "7", "--exclude", "*.log", "--run", RUN) == 0
    )
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1800000000")  # another day: the bundle's own time counts
    (sums,) = (tmp_path / "out").glob("*/SHA256SUMS")
    return sums.parent


def check(bundle, project, *more: str) -> int:
    places = ["--check", bundle, "--project-root", project, "--cache-dir", bundle.parent / "cache2"]
    return cli.main(["rebuild", *map(str, places), "--quiet", *more])


def test_the_same_project_gives_the_same_bytes_again(bundle, project, capsys):
    assert check(bundle, project, "--model", f"m=path:{project / 'model'}", "--json") == 0
    reported = validated("builder-rebuild", capsys.readouterr().out)
    assert (reported["same"], reported["differences"]) == (True, [])
    launchers = json.loads((bundle / "MANIFEST.json").read_bytes())["application"]["launchers"]
    assert ["audited"] in [[one["target"], *one["arguments"]] for one in launchers if one["cwd"] == "app"]


def test_each_difference_names_its_place(bundle, project, capsys):
    (project / "audited.py").write_text("print('hi')\nprint('ho')\n")
    (project / "added.py").write_text("")
    (project / "model" / "config.json").write_text('{"other": 1}\n')
    assert check(bundle, project, "--model", f"m=path:{project / 'model'}", "--json") == 1
    reported = {
        one["place"]: one["reason"] for one in validated("builder-rebuild", capsys.readouterr().out)["differences"]
    }
    assert reported["03_Source/audited.py"] == "line 2: was '', is \"print('ho')\\n\""
    assert reported["03_Source/added.py"] == "missing from the first bundle"
    assert reported["07_Models/m/config.json"].startswith("line 1: was '{}")
    assert "MANIFEST.json: models" in reported
    assert "02_Dependencies/pylock.toml" not in reported


def test_what_the_bundle_cannot_tell_is_asked_for(bundle, project, capsys):
    assert check(bundle, project) == 2
    assert "--model m=path:FOLDER" in capsys.readouterr().err
    shutil.copy(project / "uv.lock", project / "kept.lock")
    (project / "uv.lock").write_bytes((project / "uv.lock").read_bytes() + b"\n")
    assert check(bundle, project) == 7
    assert "not the lockfile" in capsys.readouterr().err


def test_a_bundle_that_was_altered_is_not_built_again(bundle, project, capsys):
    (bundle / "MANIFEST.json").write_bytes((bundle / "MANIFEST.json").read_bytes() + b" ")
    assert check(bundle, project) == 3
    assert "MANIFEST.json" in capsys.readouterr().err


def zipped(texts, **fields) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in texts.items():
            info = zipfile.ZipInfo(name)
            for field, value in fields.items():
                setattr(info, field, value)
            archive.writestr(info, text)
    return out.getvalue()


ONE = {"a.txt": "a\n", "b.txt": "b\nc\n"}


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        (b"a\nb\n", b"a\nc\n", "line 2: was 'b\\n', is 'c\\n'"),
        (b"a\n", b"a\nb\n", "line 2: was '', is 'b\\n'"),
        (b"a\n\xff\x00\x01", b"a\n\xff\x00\x02", "differs at byte 4"),
        (b"\xff\n\xff", b"\xff\n", "differs at byte 2"),
        (zipped(ONE), zipped({**ONE, "c": ""}), "c is only in the second bundle"),
        (zipped(ONE), zipped({**ONE, "b.txt": "b\nd\n"}), "b.txt: line 2: was 'c\\n', is 'd\\n'"),
        (zipped(ONE), zipped(ONE, date_time=(2026, 1, 1, 0, 0, 0)), "a.txt: date_time: was"),
        (zipped(ONE), zipped(dict(reversed(ONE.items()))), "different order"),
    ],
)
def test_the_first_difference_of_two_files(tmp_path, first, second, told):
    (tmp_path / "first").write_bytes(first)
    (tmp_path / "second").write_bytes(second)
    assert told in explain(tmp_path / "first", tmp_path / "second")


@pytest.mark.index
def test_other_surroundings_give_the_same_bytes(tmp_path):
    """The real builder with the real zipapp: another path, umask, language, time zone, hash seed and file order."""
    surroundings = [
        ("a", 0o022, {"LC_ALL": "C.UTF-8", "LANGUAGE": "en", "TZ": "UTC", "PYTHONHASHSEED": "1"}),
        ("much/longer/질문", 0o077, {"LC_ALL": "C.UTF-8", "LANGUAGE": "ko", "TZ": "Asia/Seoul", "PYTHONHASHSEED": "2"}),
    ]
    subprocess.run([sys.executable, "-m", "builder", "keygen", tmp_path / "key", "--no-passphrase"], check=True)
    found = []
    for place, umask, variables in surroundings:
        previous = os.umask(umask)
        try:
            project = make_project(tmp_path / place / "project")
            if variables["LANGUAGE"] == "ko":  # the files once more, made in the other order
                turned = project.with_name("turned")
                for path in sorted((path for path in project.rglob("*") if path.is_file()), reverse=True):
                    (turned / path.relative_to(project)).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(path, turned / path.relative_to(project))
                project = turned
            argv: list[Any] = [sys.executable, "-m", "builder", "build", "--project-root", project, "--json"]
            argv += ["--output-dir", tmp_path / place / "out", "--sign-key", tmp_path / "key"]
            argv += ["--cache-dir", needs.cache_folder() / "builder", "--target", "linux-x86_64", "--python", "3.11"]
            argv += ["--model", f"m=path:{project / 'model'}"]
            env = {**os.environ, **variables, "SOURCE_DATE_EPOCH": "1700000000"}
            done = subprocess.run(argv, env=env, cwd=needs.CHECKOUT, check=True, capture_output=True, timeout=600)
        finally:
            os.umask(previous)
        folder = tmp_path / place / "out" / json.loads(done.stdout)["bundles"][0]["folder"]
        found.append({path.name: path.read_bytes() for path in folder.iterdir()})
    assert sorted(found[0]) == sorted(found[1])
    assert [name for name in found[0] if found[0][name] != found[1][name]] == []

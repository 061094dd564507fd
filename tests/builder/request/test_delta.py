"""Deltas as the command line makes them: what is left out, what cannot be a base, and built again."""

from __future__ import annotations

import html
import json
from pathlib import Path

import pytest

from builder import cli
from builder.signing.sign import generate_key, read_public_key
from bundle import strict
from bundle.names import BESIDE, INSTALLER
from bundle.opening import open_bundle
from bundle.reading.delta import BASE
from bundle.reading.medium import drain
from bundle.signing.policy import pins
from tests.builder.small_project import _quick, build, make_project  # noqa: F401 - the stand-in for the zipapp
from tests.schemas import validated


@pytest.fixture
def project(tmp_path):
    return make_project(tmp_path / "project")


@pytest.fixture
def key(tmp_path):
    generate_key(tmp_path / "key", None)
    return tmp_path / "key"


@pytest.fixture
def base(project, key, tmp_path, capsys):
    """Build the whole bundle that hosts have."""
    return made(project, key, tmp_path / "first", capsys, "--counter", "7")


def made(project, key, output, capsys, *more: str) -> Path:
    capsys.readouterr()
    assert build(project, key, output, "--json", *more) == 0
    (facts,) = validated("builder-build", capsys.readouterr().out)["bundles"]
    return Path(facts["folder"])


def change(project) -> None:
    (project / "small_app/__init__.py").write_text("def main():\n    print('ho')\n")


def test_a_delta_has_what_changed_and_the_manifest_of_the_whole(project, key, base, tmp_path, capsys) -> None:
    change(project)
    whole = made(project, key, tmp_path / "whole", capsys, "--counter", "8")
    delta = made(project, key, tmp_path / "delta", capsys, "--counter", "8", "--base", str(base))
    assert delta.name == f"{whole.name}-from-1.2.3"
    assert (delta / "MANIFEST.json").read_bytes() == (whole / "MANIFEST.json").read_bytes()
    assert (delta / BASE).read_bytes() == (base / "MANIFEST.json").read_bytes()
    assert not (delta / INSTALLER).exists()
    bundle = open_bundle(delta, pins([read_public_key(key.with_suffix(".pub"))]))
    paths: list[str] = []

    def take(entry, blocks) -> None:
        drain(blocks)
        paths.append(entry.path)

    bundle.visit(take, lambda _count: None)
    assert "03_Source/small_app/__init__.py" in paths
    assert not any(path.startswith(("02_Dependencies/wheels", "04_Scripts/ragtrace")) for path in paths)
    assert sorted(path.name for path in delta.iterdir() if path.suffix != ".sig") == sorted(
        [BASE, "MANIFEST.json", BESIDE[0], "SHA256SUMS", bundle.manifest.archive]
    )
    assert cli.main(["inspect", str(delta), "--json"]) == 0
    reported = validated("verify", capsys.readouterr().out)
    assert reported["base"] == {"version": "1.2.3", "counter": 7, "files": len(bundle.left_out)} | {
        "bytes": sum(entry.size for entry in bundle.left_out)
    }


def test_the_summary_and_the_plan_tell_what_is_left_out(project, key, base, tmp_path, capsys) -> None:
    change(project)
    named = ("--counter", "8", "--base", str(base / "MANIFEST.json"))
    capsys.readouterr()
    assert build(project, key, tmp_path / "delta", *named) == 0
    assert "included; version 1.2.3 (release counter 7) has the other" in capsys.readouterr().out
    assert build(project, key, tmp_path / "planned", "--dry-run", "--json", *named) == 0
    (target,) = validated("builder-build-dry-run", capsys.readouterr().out)["targets"]
    assert target["left_out"] == {"name": "wheels", "files": 0, "bytes": 0}  # it has none
    assert build(project, key, tmp_path / "planned", "--dry-run", *named) == 0
    assert "are omitted: the base bundle has them" in capsys.readouterr().out
    assert not (tmp_path / "planned").exists()


@pytest.mark.parametrize(
    ("edit", "code", "reason"),
    [
        (lambda value: value["product"].update(name="other"), 2, "The base bundle is for other, not for small-app"),
        (lambda value: value["target"].update(python="3.9"), 2, "No base bundle for"),
        (lambda value: value["product"].update(counter=8), 2, "release counter 8, which is not lower than 8"),
        (lambda value: value.update(format=99), 2, "format"),
        (lambda value: value.pop("files"), 2, "files"),
    ],
)
def test_what_cannot_be_a_base(project, key, base, tmp_path, capsys, edit, code, reason) -> None:
    value = json.loads((base / "MANIFEST.json").read_bytes())
    edit(value)
    other = tmp_path / "other.json"
    other.write_bytes(strict.dumps(value))
    assert build(project, key, tmp_path / "out", "--counter", "8", "--base", str(other)) == code
    assert reason in capsys.readouterr().err
    assert not list(tmp_path.glob("out/*"))


def test_a_base_that_is_not_there_or_named_twice_or_for_no_target(project, key, base, tmp_path, capsys) -> None:
    assert build(project, key, tmp_path / "out", "--base", str(tmp_path / "nowhere.json")) == 2
    assert "nowhere.json" in capsys.readouterr().err
    assert build(project, key, tmp_path / "out", "--base", str(base), "--base", str(base)) == 2
    assert "More than one base bundle" in capsys.readouterr().err
    others = ("--python", "3.11", "--python", "3.12", "--base", str(base))
    assert build(project, key, tmp_path / "out", *others) == 2
    assert "No base bundle for" in capsys.readouterr().err


def test_a_delta_without_its_installer_cannot_tell_who_must_sign(project, key, base, tmp_path, capsys) -> None:
    change(project)
    delta = made(project, key, tmp_path / "delta", capsys, "--counter", "8", "--base", str(base))
    generate_key(tmp_path / "stranger", None)
    slip = (delta.parent / f"{delta.name}.slip" / "TRUST-SLIP.txt").read_bytes()
    page = (delta.parent / f"{delta.name}.slip" / "TRUST-SLIP.html").read_text()
    assert not (delta / INSTALLER).exists()
    for shown in (slip.decode(), html.unescape(page)):  # nothing asks for the file that the folder lacks
        assert f"open('{INSTALLER}'" not in shown
        assert f"python3 {INSTALLER} install" not in shown
        assert "ragtrace-offline verify ." in shown
        assert "ragtrace-offline upgrade ." in shown
    assert cli.main(["sign", str(delta), "--sign-key", str(tmp_path / "stranger")]) == 2
    assert "which defines who must sign" in capsys.readouterr().err
    assert len(list(delta.glob("*.sig"))) == 1
    assert (delta.parent / f"{delta.name}.slip" / "TRUST-SLIP.txt").read_bytes() == slip


def test_a_delta_that_leaves_the_installer_out_is_not_built_again(project, key, base, tmp_path, capsys) -> None:
    change(project)
    delta = made(project, key, tmp_path / "delta", capsys, "--counter", "8", "--base", str(base))
    places = ["--check", delta, "--project-root", project, "--cache-dir", tmp_path / "cache2", "--quiet"]
    assert cli.main(["rebuild", *map(str, places)]) == 7
    assert "Use the full bundle of the same release" in capsys.readouterr().err

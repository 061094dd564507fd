from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bootstrap import cli
from installer.layout.prefix import Prefix
from installer.logs import audit_log
from shared import __version__, i18n
from shared.files.process_lock import locked
from tests.helpers import NOTES, install, snapshot
from tests.tiny import COUNTER, tiny_bundle

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.usefixtures("host")
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], tiny) -> Callable[..., tuple[int, str, str]]:
    """Call the command line; the tiny bundle's key is trusted wherever one can be named."""

    def call(command: str, *arguments: str | Path) -> tuple[int, str, str]:
        trusted = ["--trust-key", str(tiny.key)] if command in ("index", "install", "verify") else []
        code = cli.main([command, *map(str, arguments), *trusted])
        out, err = capsys.readouterr()
        return code, out, err

    return call


def cut(path: Path) -> bytes:
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] + whole[len(whole) // 2 + 1 :])
    return whole


def test_one_byte_cut_out_of_any_file_that_travels(travelled, tiny, prefix, call) -> None:
    cut(prefix.active().app / "app.py")  # so that all is taken from the bundle
    before = snapshot(prefix.root, *NOTES)
    paths = sorted(path for path in travelled.folder.rglob("*") if path.is_file())
    assert len(paths) == 5
    for path in paths:
        whole = cut(path)
        code, out, err = call("install", travelled.folder, "--prefix", prefix.root)
        # the sums are named through their signature, which is what tells
        named = path.name if path.name != "SHA256SUMS" else f"{path.name}."
        assert (code, out) == (3, ""), err
        assert named in err
        assert "next:" in err
        assert snapshot(prefix.root, *NOTES) == before
        path.write_bytes(whole)


def test_one_byte_cut_out_of_any_file_of_an_unpacked_bundle(unpacked, travelled, prefix, call) -> None:
    cut(prefix.active().app / "app.py")  # so that all is taken from the bundle
    before = snapshot(prefix.root, *NOTES)
    paths = sorted(path for path in travelled.folder.rglob("*") if path.is_file())
    assert len(paths) == len(travelled.manifest.files) + 5
    for path in paths:
        whole = cut(path)
        for bundle in (travelled.folder, unpacked):
            code, _out, err = call("install", bundle, "--prefix", prefix.root)
            if unpacked not in path.parents or path.name == "MANIFEST.json":
                named = path.name if path.name != "SHA256SUMS" else f"{path.name}."
            else:
                named = path.relative_to(unpacked).as_posix()
            assert code == 3, (path, err)
            assert named in err
        path.write_bytes(whole)
    assert snapshot(prefix.root, *NOTES) == before


def test_no_prefix_is_made_for_a_bundle_that_is_refused(travelled, tmp_path, call) -> None:
    cut(travelled.archive)
    code, _out, err = call("install", travelled.folder, "--prefix", tmp_path / "new")
    assert code == 3
    assert "No release is active." in err
    left = [path for path in (tmp_path / "new").rglob("*") if path.is_file()]
    assert {path.relative_to(tmp_path / "new").parts[0] for path in left} <= {"state"}


def test_nobody_is_trusted_by_default(tiny, capsys) -> None:
    assert cli.main(["verify", str(tiny.folder)]) == 3
    assert "--trust-key" in capsys.readouterr().err


def test_verify(tiny, call) -> None:
    code, out, err = call("verify", tiny.folder)
    assert code == 0
    assert f"all {len(tiny.manifest.files)} files match their signed digests" in out
    assert "signed by SHA256:" in out
    assert "SHA256" not in err
    code, out, _err = call("verify", tiny.folder, "--json", "--quiet")
    facts = json.loads(out)
    assert (code, facts["files"]) == (0, len(tiny.manifest.files))
    assert facts["product"]["counter"] == COUNTER
    assert facts["bundle"] == str(tiny.archive)


def test_verify_reads_every_byte(travelled, call) -> None:
    cut(travelled.archive)
    code, out, _err = call("verify", travelled.folder, "--json")
    assert code == 3
    assert json.loads(out)["error"]["code"] == 3
    assert travelled.archive.name in json.loads(out)["error"]["what"]


def test_a_dry_run_writes_nothing(tiny, tmp_path, host, call) -> None:
    code, out, _err = call("install", tiny.folder, "--dry-run", "--prefix", tmp_path / "new")
    assert code == 0
    assert "Tiny-App 1.0.0, 4 packages, into" in out
    assert out.splitlines()[-2:] == [
        "Nothing was written. To do it, run the command again without --dry-run.",
        "Ready.",
    ]
    code, out, _err = call("install", tiny.folder, "--dry-run", "--json", "--prefix", tmp_path / "new")
    plan = json.loads(out)
    assert (code, plan["fits"], plan["prefix"]) == (0, True, str(tmp_path / "new"))
    assert all(finding["details"] for finding in plan["findings"])
    assert not (tmp_path / "new").exists()
    assert not list(host.iterdir())


def test_a_dry_run_where_it_does_not_fit(tiny, tmp_path, call) -> None:
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign/file").touch()
    code, out, _err = call("install", tiny.folder, "--dry-run", "--prefix", tmp_path / "foreign")
    assert code == 4
    assert "NO  Folder" in out
    assert out.splitlines()[-2:] == ["Nothing was written.", "1 thing to fix."]
    code, out, _err = call("install", tiny.folder, "--dry-run", "--json", "--prefix", tmp_path / "foreign")
    assert (code, json.loads(out)["fits"]) == (4, False)
    assert call("install", tiny.folder, "--prefix", tmp_path / "foreign")[0] == 4
    assert [path.name for path in (tmp_path / "foreign").iterdir()] == ["file"]


def test_status_and_rollback(prefix, tiny, tmp_path, call) -> None:
    first = prefix.active().id
    newer = tiny_bundle(tmp_path / "newer", counter=COUNTER + 1, version="2.0", key=tiny.key.with_suffix(""))
    second = install(newer, prefix).active
    code, out, _err = call("status", "--prefix", prefix.root)
    assert code == 0
    assert f" * {second}  2.0" in out
    assert f"   {first}  1.0.0" in out
    code, out, _err = call("rollback", "--prefix", prefix.root, "--json")
    assert (code, json.loads(out)["active"], json.loads(out)["former"]) == (0, first, second)
    code, out, _err = call("status", "--prefix", prefix.root, "--json")
    assert json.loads(out)["active"] == first
    assert [row["release"] for row in json.loads(out)["releases"]] == [first, second]
    code, _out, err = call("rollback", "--prefix", prefix.root, "--to", "../../etc")
    assert code == 2
    assert "is not a release name" in err


def test_who_looks_is_told_the_head_of_the_audit_log(prefix, call) -> None:
    head = audit_log.head(prefix)
    for command in ("status", "history"):
        assert f"Audit log head: {head}\n" in call(command, "--prefix", prefix.root)[1]
        assert json.loads(call(command, "--prefix", prefix.root, "--json")[1])["audit_head"] == head
    assert head in call("validate", "--quick", "--prefix", prefix.root)[2]
    audit_log.log_file(prefix).unlink()
    audit_log.log_file(prefix).mkdir()
    assert call("status", "--prefix", prefix.root)[0] == 0


def test_status_of_nothing(tmp_path, call) -> None:
    code, _out, err = call("status", "--prefix", tmp_path)
    assert code == 4
    assert "nothing is installed there" in err
    assert call("status")[0] == 4


def test_a_damaged_release_is_told_by_status(prefix, call) -> None:
    (prefix.active().bundle / "MANIFEST.json").write_text("{")
    code, out, _err = call("status", "--prefix", prefix.root)
    assert code == 0
    assert "MANIFEST.json" in out


def test_another_run_holds_the_lock(prefix, tiny, call) -> None:
    with locked(prefix.state / "lock"):
        for command in (["install", tiny.folder], ["rollback"]):
            code, _out, err = call(*command, "--prefix", prefix.root)
            assert code == 8
            assert f"process ({os.getpid()})" in err


def test_the_prefix_comes_from_the_launcher(prefix, call, monkeypatch) -> None:
    monkeypatch.setenv("RAGTRACE_PREFIX", str(prefix.root))
    assert str(prefix.root) in call("status")[1]


@pytest.mark.parametrize("language", ["C", "ko_KR.UTF-8"])
def test_help_and_version(language, monkeypatch, capsys) -> None:
    monkeypatch.setenv("LC_ALL", language)
    i18n.translations.cache_clear()
    for arguments in (["--help"], ["install", "--help"]):
        with pytest.raises(SystemExit) as ended:
            cli.main(arguments)
        assert ended.value.code == 0
        assert "install" in capsys.readouterr().out
    with pytest.raises(SystemExit) as ended:
        cli.main(["--version"])
    assert (ended.value.code, capsys.readouterr().out) == (0, f"ragtrace-install {__version__}\n")


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["install", "--nonsense"]])
def test_usage_errors(arguments, capsys) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_a_commands_module_is_imported_only_when_it_is_called() -> None:
    code = (
        "import sys; sys.argv=['x','--version']\nfrom bootstrap import cli\n"
        "try: cli.main()\nexcept SystemExit: pass\n"
        "print([n for n in sys.modules if n.startswith(('bootstrap.commands', 'cryptography', 'rich'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.splitlines()[-1] == "[]"


def test_nobody_reads_the_result(tiny, host) -> None:
    argv = [sys.executable, "-m", "bootstrap.cli", "verify", str(tiny.folder), "--trust-key", str(tiny.key)]
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(argv, stdout=writer, stderr=subprocess.PIPE, text=True, check=False, cwd=ROOT)
    os.close(writer)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr


def test_a_run_writes_its_log(prefix, call) -> None:
    shutil.rmtree(prefix.logs)
    assert call("rollback", "--prefix", prefix.root)[0] == 4
    (log,) = prefix.logs.iterdir()
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert "HostError" in lines[-1]["traceback"]
    assert Prefix(prefix.root).exists


def test_whoever_asks_how_to_roll_back_is_told_how_former_data_come_back(monkeypatch, capsys) -> None:
    monkeypatch.setenv("RAGTRACE_LANG", "en")
    i18n.translations.cache_clear()
    with pytest.raises(SystemExit):
        cli.main(["rollback", "--help"])
    assert "backup restore ID" in " ".join(capsys.readouterr().out.split())


@pytest.mark.skipif(os.name != "posix", reason="modes of POSIX")
def test_a_careless_umask_lets_nobody_else_write(tiny, tmp_path, call) -> None:
    root = tmp_path / "prefix"
    before = os.umask(0)
    try:
        assert call("install", tiny.folder, "--prefix", root)[0] == 0
    finally:
        os.umask(before)
    code, out, _err = call("validate", "--check", "security.permissions", "--prefix", root, "--json")
    assert (code, [result["status"] for result in json.loads(out)["validation_results"]]) == (0, ["PASS"])


@pytest.mark.parametrize("value", ["nan", "-1", "soon"])
def test_a_wait_without_an_end_or_a_sense_is_refused(tiny, tmp_path, capsys, value) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["backup", "--prefix", str(tmp_path / "prefix"), f"--wait={value}"])
    assert ended.value.code == 2
    assert f"{value!r} is not a non-negative number of seconds" in capsys.readouterr().err


@pytest.mark.parametrize("value", ["-1", "9" * 12, "1.5", "³"])
def test_a_freshness_of_no_days_is_refused(tiny, tmp_path, capsys, value) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["install", str(tiny.folder), "--prefix", str(tmp_path / "prefix"), f"--require-fresh={value}"])
    assert ended.value.code == 2
    assert f"{value!r} is not a non-negative whole number of days" in capsys.readouterr().err
    assert not (tmp_path / "prefix").exists()


@pytest.mark.parametrize(
    ("command", "choices"),
    [
        ("audit-log", "{show,verify,export}"),
        ("trust", "{show,update,accept-memory}"),
        ("advisories", "{show,scan,update}"),
    ],
)
def test_a_missing_word_is_named_by_what_it_can_be(capsys, command, choices) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main([command])
    assert ended.value.code == 2
    assert f"the following arguments are required: {choices}\n" in capsys.readouterr().err

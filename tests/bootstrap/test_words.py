"""One hostile text from outside, through every output: no line is forged, and nothing steers what shows it."""

from __future__ import annotations

import io
import json
import logging
import os
import shutil
import socket
import subprocess
import unicodedata
from argparse import Namespace
from datetime import datetime, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bootstrap import cli, launch
from bootstrap.commands.inspect import monitor as monitor_command
from bootstrap.commands.inspect import monitor_view, validate
from builder import cli as builder_cli
from builder.advisories import entries
from builder.bundle_files import install as starter
from builder.evidence import licenses
from bundle.signing.policy import NAMESPACES, Policy, Role, Signer
from bundle.signing.signature import ED25519
from installer.layout.prefix import Prefix
from installer.logs import audit_log, runlog, syslog
from installer.logs.collector_address import parse_address
from installer.monitoring import monitor
from shared import errors
from shared.programs import app_launcher
from shared.terminal import commandline, console, progress
from tests import metrics
from tests.bundles import make_manifest
from tests.keys import SoftKey
from validator.check import CATEGORIES, CheckResult
from validator.report import make_report, parse_report, to_bytes
from validator.subject import Subject

# lines of ours that it would forge, what steers a terminal, what changes or hides the order of characters, what a
# page, a template, a shell or an exporter would take for its own, and a byte that is no UTF-8
FORGED = "error: forged"
NAME = (
    f"n\n{FORGED}\r{FORGED}\v\f\x1b[2J\x1b]0;t\x07\b\x7f\x9b31m\x85\u202e\u2066\u200b\u2028{FORGED}\u2029\ufeff"
    '<b a="1">&amp;\'`$(id)%s%(x)s{0}{x}\\n\t\nforged_total 1\n# HELP f "} 1'
)
HALF = f"{NAME}\udcff"
# as documents have them whose readers refuse control characters
SEEN = "".join(character for character in NAME if unicodedata.category(character) != "Cc")


def assert_harmless(text: str) -> None:
    """A terminal, a pager and a collector of lines show what we wrote and nothing else."""
    for line in text.split("\n"):
        steering = {ascii(part) for part in line if unicodedata.category(part) in console.STEERING}
        assert not steering, (steering, line)
        assert not line.startswith((FORGED, "forged_total", "# HELP f")), line


@pytest.fixture(autouse=True)
def words(host, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")


def test_the_text_is_as_bad_as_it_gets() -> None:
    assert {unicodedata.category(part) for part in HALF} >= set(console.STEERING)
    with pytest.raises(AssertionError):
        assert_harmless(NAME)
    with pytest.raises(AssertionError):
        assert_harmless(f"fine\n{FORGED}")


# terminal


@pytest.mark.parametrize(
    "error", [errors.TrustError(HALF, HALF, advice=HALF), OSError(2, HALF, HALF), ValueError(HALF)]
)
def test_errors(error, capsys) -> None:
    def command(_arguments):
        raise error

    commandline.run_command(command, Namespace(json=False))
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 3 if isinstance(error, errors.TrustError) else 2)
    assert_harmless(err.replace("error: ", "", 1) if err.startswith(FORGED) else err)
    commandline.run_command(command, Namespace(json=True))
    out = capsys.readouterr().out
    assert_harmless(out)
    assert NAME in json.loads(out)["error"]["what"]


@pytest.mark.parametrize("kind", [progress.LineProgress, progress.BarProgress])
def test_progress(kind) -> None:
    stream = io.StringIO()
    progress = kind(stream)
    progress.step(NAME)
    progress.warn(NAME)
    with progress.task(NAME, 5) as task:
        task.advance(5)
    with progress.wait(NAME) as pending:
        pending.about(NAME)
    assert_harmless("\n".join(line.rstrip() for line in stream.getvalue().split("\n")))
    assert stream.getvalue().count("n\\n") >= 3


def test_results(capsys) -> None:
    console.show(HALF)
    console.show_json({NAME: HALF})
    out = capsys.readouterr().out
    assert_harmless(out)
    assert json.loads(out.partition("\n")[2]) == {NAME: HALF}


@pytest.mark.parametrize(
    "arguments", [["status", NAME], ["status", f"--{NAME}"], [NAME], ["monitor", "--count", NAME], ["verify", NAME]]
)
@pytest.mark.parametrize("main", [cli.main, builder_cli.main])
def test_arguments_that_a_shell_filled_in_from_a_medium(main, arguments, capsys) -> None:
    """``verify /media/*`` has whatever names are there."""
    try:
        code = main(arguments)
    except SystemExit as ended:
        code = ended.code
    out, err = capsys.readouterr()
    assert code in (2, 3)
    assert_harmless(out + err)


def test_a_medium_whose_folder_is_named_so(travelled, tmp_path, capsys, monkeypatch) -> None:
    folder = tmp_path / os.fsdecode(os.fsencode(HALF.replace("/", ""))[:200])
    travelled.folder.rename(folder)
    shutil.copy(folder / "MANIFEST.json", folder / "SHA256SUMS.\x1b[2J\n.sig")
    monkeypatch.chdir(folder)
    for command in ("verify", "install"):
        assert cli.main([command, str(folder), "--trust-key", str(travelled.key)]) in (2, 3)
        out, err = capsys.readouterr()
        assert_harmless(out + err)
    assert builder_cli.main(["inspect", str(folder)]) in (2, 3, 7)
    out, err = capsys.readouterr()
    assert_harmless(out + err)


def test_names_and_comments_of_signers(tmp_path, capsys) -> None:
    key = SoftKey(ED25519)
    policy = Policy(1, (Signer(key.key, SEEN),), dict.fromkeys(NAMESPACES, Role(1, (key.key.keyid,))))
    (tmp_path / "policy-1.json").write_bytes(policy.to_bytes())
    (tmp_path / f"policy-1.json.{key.key.keyid}.sig").write_bytes(key.sign(policy.to_bytes(), NAMESPACES["policy"]))
    (tmp_path / "key.pub").write_text(f"{key.key.line()} {SEEN}\n")
    for main, arguments in (
        (builder_cli.main, ["policy", "show", str(tmp_path)]),
        (builder_cli.main, ["policy", "show", str(tmp_path), "--json"]),
        (cli.main, ["trust", "update", str(tmp_path), "--trust-key", str(tmp_path / "key.pub")]),
        (cli.main, ["trust", "show"]),
    ):
        main(arguments)
        out, err = capsys.readouterr()
        assert out + err
        assert_harmless(out + err)


# logs


def test_logs_of_a_run_and_their_collector(tmp_path, capsys) -> None:
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))
    server.settimeout(20)
    address = parse_address(f"127.0.0.1:{server.getsockname()[1]}")
    collector = syslog.collector_for(address, "install")
    file = runlog.File(str(tmp_path / "run.log"))
    for handler in (collector, file):
        runlog.send_to(handler, runlog.Lines("install", address.limit))
    commandline.log_to_screen()
    try:
        logging.getLogger("ragtrace").warning("%s", HALF)
        message = server.recv(65536).decode("ascii")
    finally:
        runlog.end([collector, file])
        server.close()
    logged = (tmp_path / "run.log").read_text()
    screen = capsys.readouterr().err
    for text in (message, logged, screen):
        assert_harmless(text)
    assert "\n" not in message
    assert (logged.count("\n"), screen.count("\n")) == (1, 1)
    assert json.loads(message[message.index("{") :])["message"] == HALF


def test_the_audit_log_and_what_shows_it(prefix, capsys) -> None:
    before = (prefix.audit / "audit.jsonl").read_text().count("\n")
    audit_log.note_failure(prefix, "install", errors.InstallError(HALF), release=NAME, signers=[NAME])
    written = (prefix.audit / "audit.jsonl").read_text()
    assert_harmless(written)
    assert written.count("\n") == before + 1
    assert audit_log.entries(prefix)[-1]["reason"] == HALF
    for command in (
        ["audit-log", "show"],
        ["audit-log", "show", "--json"],
        ["audit-log", "export", "-"],
        ["history"],
        ["history", "--json"],
        ["status"],
    ):
        assert cli.main([command[0], "--prefix", str(prefix.root), *command[1:]]) == 0
        assert_harmless(capsys.readouterr().out)


# what checks saw, in every format


def seen() -> CheckResult:
    text: dict[str, Any] = {"check_name": HALF, "details": HALF, "suggestion": HALF, "command": HALF}
    metric = {NAME: {"value": 1.0, "unit": NAME}, "other": {"value": 2.0, "unit": NAME}}
    return CheckResult("a.b", CATEGORIES[4], status="FAIL", performance_metric=metric, evidence={NAME: [HALF]}, **text)


@pytest.mark.parametrize("kind", ["text", "json", "html", "prometheus"])
def test_reports(kind) -> None:
    made = make_report(Subject(), [seen()])
    text = validate.rendered(made, kind)
    assert_harmless(text)
    if kind == "json":
        assert parse_report(text.encode()) == made
    if kind == "prometheus":
        assert metrics.parse(text + "\n")
    if kind == "html":
        assert "<b " not in text
        assert "&lt;b a=" in text


@pytest.mark.parametrize("kind", ["text", "html", "prometheus"])
def test_reports_that_came_from_elsewhere(kind, tmp_path, capsys) -> None:
    """Their reader takes what is no control character: the others of this text are in it."""
    value = json.loads(to_bytes(make_report(Subject(), [seen()])))
    value.update(title=SEEN, product=SEEN, version=SEEN, release=SEEN, prefix=SEEN, host=SEEN, not_run={SEEN: SEEN})
    value["system_info"] = {"platform": SEEN, "python_version": SEEN, "installer_version": SEEN}
    value["validation_results"][0].update(check_name=SEEN, details=SEEN, suggestion=SEEN, command=SEEN)
    came = parse_report(json.dumps(value).encode())
    assert_harmless(validate.rendered(came, kind))
    one, other = tmp_path / "one.json", tmp_path / "other.json"
    one.write_text(json.dumps(value))
    other.write_text(json.dumps({**value, "overall_status": "GOOD", "release": "r"}))
    assert cli.main(["compare", str(one), str(other)]) == 0
    assert_harmless(capsys.readouterr().out)


def test_a_diagnosis_that_no_validate_wrote(prefix, tmp_path, capsys) -> None:
    value = json.loads(to_bytes(make_report(Subject(), [seen()])))
    for change in ({NAME: 1}, {"title": NAME}, {"overall_status": NAME}):
        (tmp_path / "diagnosis.json").write_text(json.dumps({**value, **change}))
        assert cli.main(["recover", str(tmp_path / "diagnosis.json"), "--prefix", str(prefix.root)]) == 3
        out, err = capsys.readouterr()
        assert_harmless(out + err)
        assert err.count("\n") <= 2


def test_what_the_application_uses(capsys) -> None:
    use = monitor.ProcessUse(1, HALF, NAME, 1.0, 1, 1, None, None)
    sample = monitor.Sample("2026-01-01T00:00:00Z", 1.0, NAME, NAME, NAME, monitor.HostUse(1.0, 1, 1, 1, 1), (use,))
    lines = monitor_command.written(sample, monitor_command.JSON)
    assert json.loads(lines.encode())["processes"][0]["name"] == HALF
    assert lines.count("\n") == 1
    assert_harmless(lines)
    reported = monitor_command.written(sample, monitor_command.PROMETHEUS)
    assert_harmless(reported)
    assert metrics.parse(reported)
    console.show(monitor_view.line(sample))
    assert_harmless(capsys.readouterr().out)


# user data


def test_names_of_user_data(prefix, capsys) -> None:
    name = os.fsencode(HALF.replace("/", ""))[:240]
    os.mkfifo(os.path.join(os.fsencode(prefix.data), name))
    (Path(os.fsdecode(os.path.join(os.fsencode(prefix.data), name[:-1])))).write_text("x")
    for command in (
        ["backup", "create"],
        ["backup", "list"],
        ["backup", "list", "--json"],
        ["backup", "restore", "latest"],
    ):
        cli.main([*command, "--prefix", str(prefix.root)])
        out, err = capsys.readouterr()
        assert_harmless(out + err)


# what is started without us


def test_the_launchers_of_an_application(prefix, tmp_path) -> None:
    """An administrator may move what is installed: its folder's name reaches the launchers unseen."""
    moved = tmp_path / os.fsdecode(os.fsencode(NAME.replace("/", ""))[:200])
    prefix.root.rename(moved)
    there = Prefix(moved)
    name = min(path.name for path in there.bin.iterdir() if path.name != "ragtrace-offline")
    release = there.active()

    def told() -> str:
        ended = subprocess.run([there.bin / name], capture_output=True, text=True, check=False, timeout=60)
        assert ended.returncode in (4, 5)
        assert_harmless(ended.stderr)
        return ended.stderr

    there.env_file.unlink(missing_ok=True)
    there.env_file.mkdir()
    assert "is not a regular file" in told()
    (release.path / "run.json").chmod(0o644)
    release.path.chmod(0o755)
    (release.path / "run.json").unlink()
    assert "run.json" in told()
    (release.path / "venv/bin").chmod(0o755)
    (release.path / "venv/bin/python").unlink()
    assert "is missing or cannot be executed" in told()
    there.current.unlink()
    there.current.symlink_to(f"releases/{NAME}")
    assert "which is not there" in told()
    there.current.unlink()
    assert "no release is active" in told()


def test_the_first_words_of_the_installer(capsys) -> None:
    launch.tell(HALF)
    app_launcher.tell(HALF)
    starter.told("error: {place}: {reason}.\n", place=HALF, reason=HALF)
    err = capsys.readouterr().err
    assert_harmless(err)
    assert err.count("\n") == 3


# what the builder writes of what others made


def test_licences_as_wheels_name_them() -> None:
    licensed = licenses.Licensed(NAME, NAME, NAME, ((HALF, "text"),))
    assert_harmless(licenses.inventory(make_manifest().product, [licensed], []).decode())


def test_a_template_for_exceptions(tmp_path) -> None:
    finding: Any = SimpleNamespace(
        id=NAME,
        package=NAME,
        version="1.0",
        fixed=(),
        severity="high",
        summary=NAME,
        link="https://example.invalid",
        malware=True,
        certainty="possible",
        kev="2026-05-01",
        epss=0.5,
    )
    text = entries.template_text([finding], NAME, datetime.now(timezone.utc))
    (tmp_path / "entries.toml").write_text(text)
    ((_place, entry),) = entries.read_entries(tmp_path / "entries.toml")
    assert entry["id"] == NAME

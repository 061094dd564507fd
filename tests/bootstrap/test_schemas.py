from __future__ import annotations

import copy
import json
import signal
import sys

import pytest
from jsonschema import Draft202012Validator

from bootstrap import cli
from builder import cli as builder_cli
from bundle.manifest import Product
from bundle.product.model import Model
from installer.layout.prefix import Prefix
from installer.monitoring import schedule
from installer.monitoring.monitor import Sample
from shared.files.process_lock import locked
from tests.bundles import make_manifest
from tests.helpers import install
from tests.installer.monitoring.test_monitor import SAMPLE
from tests.keys import SoftKey
from tests.policies import lay, make_policy
from tests.schemas import SCHEMAS, problems, validated
from tests.tiny import COUNTER, tiny_bundle
from tests.validator.checking import change, site_of
from tools.schemas import documents, words

# commands whose result is that of another
SAME = {"rollback": "install", "upgrade": "install", "validate": "report"}


@pytest.fixture
def call(capsys, tiny, tmp_path, host):
    """Call a command with --json in an installation, and return its exit code and what its schema describes."""
    prefix = Prefix(tmp_path / "prefix")
    install(tiny, prefix)

    def call(schema: str, *arguments: object):
        code = cli.main([*map(str, arguments), "--json", "--prefix", str(prefix.root)])
        return code, validated(schema, capsys.readouterr().out)

    call.prefix = prefix  # type: ignore[attr-defined]
    return call


@pytest.mark.parametrize("name", SCHEMAS)
def test_each_is_a_schema_that_says_what_it_is(name) -> None:
    Draft202012Validator.check_schema(SCHEMAS[name])
    assert SCHEMAS[name]["title"]
    assert set(SCHEMAS) == {"report.schema.json", *documents.schemas()}


def test_every_command_has_one() -> None:
    for command in cli.commands():
        assert f"{SAME.get(command, command)}.schema.json" in SCHEMAS


def test_verify_and_a_dry_run(call, tiny) -> None:
    trusted = ("--trust-key", tiny.key)
    code, facts = call("verify", "verify", tiny.folder, *trusted)
    assert (code, facts["product"]["name"]) == (0, tiny.manifest.product.name)
    code, written = call("index", "index", call.prefix.root.parent / "pypi", tiny.folder, *trusted)
    assert (code, written["wheels"]) == (0, len(tiny.manifest.packages))
    code, plan = call("install-dry-run", "install", tiny.folder, "--dry-run", *trusted)
    assert (code, plan["fits"]) == (0, True)
    (key,) = tiny.manifest.application.environment.required
    wanted = {"file": str(call.prefix.env_file), "names": [key]}
    assert (plan["missing_settings"], plan["missing_models"]) == (wanted, [])


def test_installing_going_back_and_looking_around(call, tiny, tmp_path) -> None:
    first = call.prefix.active().id
    newer = tiny_bundle(tmp_path / "newer", counter=COUNTER + 1, key=tiny.key.with_suffix(""))
    code, outcome = call("install", "install", newer.folder, "--trust-key", tiny.key)
    assert (code, outcome["former"]) == (0, first)
    assert outcome["missing_settings"]["names"] == list(tiny.manifest.application.environment.required)
    code, outcome = call("install", "rollback")
    assert (code, outcome["active"]) == (0, first)
    code, status = call("status", "status")
    assert (code, len(status["releases"])) == (0, 2)
    code, history = call("history", "history")
    assert [event["action"] for event in history["events"]] == ["install", "install", "rollback"]
    code, log = call("audit-log", "audit-log", "show")
    assert len(log["entries"]) == 3
    code, chain = call("audit-log", "audit-log", "verify")
    assert chain["entries"] == 3


def test_status_of_a_damaged_release(call) -> None:
    change(call.prefix.active().bundle / "MANIFEST.json", b"{}")
    _code, status = call("status", "status")
    assert "error" in status["releases"][0]


def test_validate_compare_and_list_checks(call, tmp_path) -> None:
    before, after = tmp_path / "before.json", tmp_path / "after.json"
    chosen = ("--check", "packages.record", "--check", "system.disk")
    code, report = call("report", "validate", *chosen)
    before.write_text(json.dumps(report))
    change(site_of(call.prefix) / "tiny_lib" / "__init__.py", b"other\n")
    code, report = call("report", "validate", *chosen)
    assert code == 1
    report["system_info"]["memory_gb"] += 1
    for result in report["validation_results"]:
        for metric in (result["performance_metric"] or {}).values():
            metric["value"] *= 2
    after.write_text(json.dumps(report))
    code, compared = call("compare", "compare", before, after)
    assert compared["changes"]
    assert compared["moved"]
    assert compared["facts"]
    _code, listed = call("list-checks", "list-checks")
    assert listed["checks"]


def test_monitor_prints_a_document_each_line(call, monkeypatch) -> None:

    monkeypatch.setattr(signal, "signal", lambda *_args: None)
    code, sample = call("monitor", "monitor", "--count", "1", "--interval", "0.1")
    assert (code, sample["prefix"]) == (0, str(call.prefix.root))
    assert problems("monitor", SAMPLE.to_json()) == []
    nothing = Sample("2026-01-31T12:00:00Z", 1.0, None, None, "/opt/app", SAMPLE.host, ())
    assert problems("monitor", nothing.to_json()) == []


def test_a_repair_planned_refused_and_done(call) -> None:
    assert call("recover", "recover", "--dry-run")[1]["plan"]["findings"] == []
    change(site_of(call.prefix) / "tiny_lib" / "__init__.py", b"other\n")
    assert call("recover", "recover", "--dry-run")[1]["plan"]["remedies"]
    code, done = call("recover", "recover")
    assert (code, done["applied"]) == (2, False)
    code, done = call("recover", "recover", "--yes")
    assert (code, done["applied"]) == (0, True)
    assert done["results"]


def test_trust(call, trust_stores) -> None:
    assert call("trust", "trust", "show")[1]["policy"] is None
    key = SoftKey("ssh-ed25519")
    path = lay(trust_stores.host.parent / "new", make_policy(1, [key.key], [key.key]), key)
    vouching = trust_stores.host.parent / "key.pub"
    vouching.write_text(key.key.line() + "\n")
    assert call("trust", "trust", "update", path, "--trust-key", vouching)[1]["taken"] == [1]
    assert call("trust", "trust", "show")[1]["policy"]["number"] == 1


def test_backups_made_listed_and_restored(call) -> None:
    code, made = call("backup", "backup")
    assert (code, made["reason"]) == (0, "manual")
    assert len(call("backup", "backup", "list")[1]["backups"]) == 1
    assert call("backup", "backup", "--dry-run")[1]["fits"]
    assert call("backup", "backup", "restore", "latest", "--dry-run")[1]["restore"]["id"] == made["id"]
    code, done = call("backup", "backup", "restore", made["id"])
    assert (code, done["restored"]["id"]) == (0, made["id"])


def test_schedule(call, monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(schedule, "SYSTEM", tmp_path / "units")
    monkeypatch.setattr(schedule, "SYSTEMCTL", tmp_path)  # exists
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    code, planned = call("schedule", "schedule", "install", "--dry-run")
    assert (code, planned["done"], len(planned["files"])) == (0, False, 2)
    code, removed = call("schedule", "schedule", "remove")
    assert (code, removed["files"], removed["commands"]) == (0, [], [])


def test_uninstall(call) -> None:
    code, removal = call("uninstall", "uninstall", "--yes")
    assert code == 0
    assert removal["prefix"] == str(call.prefix.root)


def test_errors_are_one_object_whoever_stops(call, tiny, capsys, tmp_path) -> None:
    stopped = {
        2: ("rollback", "--to", "nothing", "--prefix", call.prefix.root),
        3: ("verify", tiny.folder),
        4: ("status", "--prefix", tmp_path / "none"),
    }
    for expected, arguments in stopped.items():
        code = cli.main([*map(str, arguments), "--json"])
        error = validated("error", capsys.readouterr().out)["error"]
        assert code == error["code"] == expected
    with locked(call.prefix.state / "lock"):
        assert call("error", "rollback")[0] == 8


@pytest.mark.parametrize(
    ("main", "arguments"),
    [
        (cli.main, ["status", "--json", "--nope"]),
        (cli.main, ["nope", "--json"]),
        (cli.main, ["--json"]),
        (cli.main, ["validate", "--json", "--timeout", "soon"]),
        (builder_cli.main, ["build", "--json", "--threshold", "two"]),
        (builder_cli.main, ["policy", "show", "--json"]),
    ],
)
def test_so_are_wrong_calls(main, arguments, capsys) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    out, err = capsys.readouterr()
    assert (ended.value.code, validated("error", out)["error"]["code"], err) == (2, 2, "")


def test_a_wrong_call_without_json_is_told_to_people(capsys, monkeypatch) -> None:
    monkeypatch.setattr(sys, "argv", ["ragtrace-install.pyz", "status", "--nope"])
    with pytest.raises(SystemExit):
        cli.main()
    out, err = capsys.readouterr()
    assert out == ""
    assert "--nope" in err


def test_the_builders_inspect_sign_and_policy(tiny, tmp_path, capsys) -> None:
    assert builder_cli.main(["inspect", str(tiny.folder), "--json"]) == 0
    assert validated("verify", capsys.readouterr().out)["signers_trusted"] is False
    key = SoftKey("ssh-ed25519")
    path = lay(tmp_path, make_policy(1, [key.key], [key.key]), key)
    assert builder_cli.main(["policy", "show", str(path), "--json"]) == 0
    (policy,) = validated("builder-policy", capsys.readouterr().out)
    assert policy["problem"] is None


@pytest.mark.parametrize(
    ("part", "wrong"),
    [
        ({"name": "demo app"}, True),
        ({"counter": 0}, True),
        ({"counter": 1.5}, True),
        ({"more": 1}, True),
        ({}, False),
    ],
)
def test_what_the_formats_refuse_their_schema_refuses(part, wrong) -> None:
    product = {**Product("demo-app", "Demo-App", "1.0.0", 1).to_json(), **part}
    found = list(Draft202012Validator(words.value(Product)).iter_errors(product))
    assert bool(found) == wrong


def test_a_models_probe_may_be_none_or_whole() -> None:
    model = make_manifest().models[0].to_json()
    validator = Draft202012Validator(words.value(Model))
    assert validator.is_valid(model)
    assert validator.is_valid({**model, "probe": None})
    half = copy.deepcopy(model)
    del half["probe"]["sentence"]
    assert not validator.is_valid(half)

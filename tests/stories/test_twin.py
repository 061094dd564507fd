"""An application with RAGTrace's names, collisions, settings, folders, lazy model and slow imports: its whole life.

What was seen with RAGTrace itself comes back here, without its 3 GB.
"""

from __future__ import annotations

import json
from contextlib import ExitStack

import pytest

from tests.hosts import closed, needs
from tests.stories.operator import Operator
from tests.stories.workshop import succeeded

pytestmark = [pytest.mark.index, pytest.mark.host]

TWIN = needs.CHECKOUT / "tests" / "stories" / "twin"
MODEL = {
    "config.json": "{}\n",
    "weights.json": "[0.5, -0.25, 0.125, 1.0]\n",
    "tokenizer.json": '{"version": "1.0", "vocab": {}}\n',
}
SLOW = "".join(f"def function_{number}(a=1, b=2):\n    return (a, b, {number})\n\n\n" for number in range(5000))
FETCH = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=30).read().decode())"
KEY = {"GEMINI_API_KEY": "any"}
SITE = "current/venv/lib/python3.11/site-packages"


@pytest.fixture(scope="module")
def bundle(workshop):
    """Build the twin as its README would say, with its model beside it."""
    model = workshop.folder / "twin-model"
    model.mkdir()
    for name, text in MODEL.items():
        (model / name).write_text(text)
    texts = {
        path.relative_to(TWIN).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(TWIN.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }
    project = workshop.project("twin", {**texts, "src/slow.py": SLOW})
    return workshop.build(project, "--python", "3.11", "--model", f"bge-m3=path:{model}", out="twin")


@pytest.fixture(scope="module")
def user(bundle, tmp_path_factory):
    """Give an ordinary user at whose host the twin is installed."""
    with ExitStack() as stack:
        with needs.or_skip():
            host = stack.enter_context(closed.closed_host("bookworm", tmp_path_factory.mktemp("twin")))
        operator = Operator(host, "operator", "/home/operator/.local/share/ragtrace/ragtrace")
        operator.copy_in(bundle)
        done = succeeded(operator.installer(operator.medium, "install"))
        assert "GEMINI_API_KEY" in done.stdout  # what is still missing is said at once
        yield operator


def app(user, *arguments, env=KEY, cwd="/tmp"):
    # a failure of the application is its own to tell, with a traceback if it likes
    return user.host.run(f"{user.prefix}/bin/ragtrace", *arguments, user=user.user, env=env, cwd=cwd)


def findings(user, *arguments, env=KEY):
    report = json.loads(user.tool("validate", "--json", *arguments, env=env).stdout)
    return {item["id"]: item for item in report["validation_results"]}


def test_the_application_has_its_own_name(user):
    names = {path.name for path in user.path("bin").iterdir()}
    assert {"ragtrace", "ragtrace-dashboard", "ragtrace-offline"} <= names
    assert succeeded(app(user, "list-datasets")).stdout == "evaluation_data.json\n"
    assert "validate" in succeeded(user.tool("--help")).stdout


def test_a_fresh_installation_passes_its_own_validation_and_nothing_is_skipped_for_want_of_a_profile(user):
    found = findings(user)
    assert [item for item in found.values() if item["status"] in ("FAIL", "ERROR")] == []
    for name in ("cli", "container", "dashboard", "probe", "models", "data", "settings", "release"):
        assert found[f"ragtrace.{name}"]["status"] == "PASS", found[f"ragtrace.{name}"]
    without = findings(user, "--check", "ragtrace.settings", env={})["ragtrace.settings"]
    assert without["status"] == "WARN"  # no key yet
    assert "GEMINI_API_KEY" in without["suggestion"]


def test_what_the_guides_tell_users_to_set_is_loaded_and_what_nobody_loads_is_told(user):
    assert succeeded(app(user, "embed", "text")).stdout.startswith("bge_m3 [")  # the default of a closed host
    user.configure(GEMINI_API_KEY="any", DEFAULT_EMBEDDING="hcx", BGE_M3_DEVISE="cpu")
    failed = app(user, "embed", "text", env={})
    assert "ConnectionError: hcx is a service" in failed.stderr
    found = findings(user, "--check", "ragtrace.settings", env={})["ragtrace.settings"]
    assert found["status"] == "WARN"
    assert "BGE_M3_DEVISE" in found["details"] + found["suggestion"]
    assert "BGE_M3_DEVICE" in found["details"] + found["suggestion"]
    file = user.path(".env")
    file.write_text(file.read_text().replace("DEFAULT_EMBEDDING=hcx\nBGE_M3_DEVISE=cpu\n", ""))
    assert succeeded(app(user, "embed", "text", env={})).stdout.startswith("bge_m3 [")


def test_without_a_key_one_sentence_says_which_file_to_fill_in(user):
    file = user.path(".env")
    settings = file.read_text()
    file.write_text(settings.replace("GEMINI_API_KEY=any\n", ""))
    said = app(user, "list-datasets", env={}).stderr
    file.write_text(settings)
    assert "GEMINI_API_KEY is not set" in said
    assert f"{user.prefix}/.env" in said


def test_reports_and_checkpoints_lie_where_backups_hold_them(user):
    user.host.path("/tmp/result.json").write_text("{}\n")
    succeeded(app(user, "export-results", "/tmp/result.json"))
    succeeded(app(user, "list-checkpoints"))
    assert user.path("data/exports/report.md").read_text() == "{}\n"
    assert user.path("data/checkpoints").is_dir()
    assert not user.exists("/tmp/exports")
    made = json.loads(succeeded(user.tool("backup", "create", "--json")).stdout)
    user.path("data/exports/report.md").unlink()
    succeeded(user.tool("backup", "restore", "latest"))
    assert made
    assert user.path("data/exports/report.md").read_text() == "{}\n"


def test_the_dashboard_answers_and_a_port_in_use_fails_no_check(user):
    serve = (f"{user.prefix}/bin/ragtrace-dashboard", "8503")
    with user.host.background(*serve, ready="http://127.0.0.1:8503", user=user.user, env=KEY, cwd="/tmp"):
        got = succeeded(user.run("python3", "-c", FETCH, "http://127.0.0.1:8503/", loopback=True)).stdout
        assert got.startswith("Container True")
        report = user.run(
            f"{user.prefix}/bin/ragtrace-offline", "validate", "--json", "--check", "ragtrace.dashboard",
            env=KEY, loopback=True,
        )  # fmt: skip
        (found,) = json.loads(report.stdout)["validation_results"]
        assert found["status"] == "PASS"


def test_one_damaged_model_file_does_not_keep_a_package_from_being_repaired(user):
    weights = user.path("current/models/bge-m3/weights.json")
    weights.chmod(0o644)
    with weights.open("r+b") as file:
        file.write(b"[9.5")
    for path in user.path("store").rglob("*"):  # the copy that small files have is damaged too
        if path.is_file() and path.read_bytes() == MODEL["weights.json"].encode():
            path.chmod(0o644)
            path.write_bytes(b"[9.5, -0.25, 0.125, 1.0]\n")
    module = user.path(f"{SITE}/packaging/__init__.py")
    module.write_bytes(module.read_bytes() + b"#")
    partly = user.tool("recover", "--yes")
    assert partly.returncode == 1, partly.stderr
    assert "weights.json" in partly.stdout + partly.stderr
    found = findings(user, "--check", "packages.record", "--check", "ragtrace.models")
    assert found["packages.record"]["status"] == "PASS"
    assert found["ragtrace.models"]["status"] == "FAIL"
    succeeded(user.tool("recover", "--yes", "--bundle", user.medium))
    assert findings(user, "--check", "ragtrace.models")["ragtrace.models"]["status"] == "PASS"


def test_every_module_that_a_command_imports_has_its_bytecode(user):
    code = "import sys, src.container; print([m.__name__ for m in list(sys.modules.values()) if getattr(m, '__cached__', None) and not __import__('os').path.exists(m.__cached__) and '/releases/' in m.__cached__])"  # noqa: E501
    python = f"{user.prefix}/current/venv/bin/python"
    lacking = succeeded(
        user.run(python, "-B", "-c", code, env={**KEY, "PYTHONPATH": f"{user.prefix}/current/app"}, cwd="/tmp")
    )
    assert lacking.stdout.strip().endswith("[]"), lacking.stdout


def test_removing_it_keeps_what_is_the_users_and_the_audit_log(user):
    succeeded(user.tool("uninstall", "--yes"))
    assert user.path("data/data/evaluation_data.json").is_file()
    assert user.path("data/exports/report.md").is_file()
    before = user.path("state/audit/audit.jsonl").read_text()
    assert '"uninstall"' in before
    succeeded(user.installer(user.medium, "install"))
    assert user.path("state/audit/audit.jsonl").read_text().startswith(before)

"""The way of an installation through its life: installed, used, upgraded, upgraded in vain, rolled back."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest

from tests.stories.operator import Operator, refused
from tests.stories.workshop import succeeded

pytestmark = [pytest.mark.index, pytest.mark.host]
PROBE = "The crane lifts the steel beam onto the second floor."
FETCH = "import sys, urllib.request as r; print(r.urlopen(sys.argv[1], timeout=30).read().decode())"


@pytest.mark.parametrize(("name", "user"), [("bookworm", "root"), ("trixie", "operator")])
def test_install_use_upgrade_fail_and_roll_back(workshop, closed_host, name, user):
    host = closed_host(name)
    workshop.order("0.1.0", "0.2.0", "0.3.0", python=host.python)
    operator = Operator(host, user)
    first = operator.install(operator.copy_in(workshop.bundle("0.1.0", host.python)))
    assert (first["prefix"], first["former"]) == (operator.prefix, None)
    use(operator)
    second = upgrade(operator, operator.copy_in(workshop.bundle("0.2.0", host.python)), first)
    fail_to_upgrade(operator, operator.copy_in(workshop.bundle("0.3.0", host.python)), second)
    refuse_to_go_back_through_a_bundle(operator, f"{operator.home}/medium/{workshop.bundle('0.1.0', host.python).name}")
    roll_back(operator, first, second)


def use(operator):
    """Run the application from its launchers, with the network cut off, so that it keeps data of the user's."""
    operator.configure(RAG_MINI_API_KEY="any")
    embedded = json.loads(succeeded(operator.app("embed", "--json", PROBE)).stdout)
    manifest = json.loads(operator.path("current/bundle/MANIFEST.json").read_text())
    assert embedded == pytest.approx(manifest["models"][0]["probe"]["embedding"], abs=1e-4)
    own = operator.path("data/data/questions.json")
    own.write_text(own.read_text().replace("site-handbook", "my-handbook"))
    for dataset in ("questions.json", "현장_질문.json"):
        evaluated = succeeded(operator.app("evaluate", dataset, cwd=f"{operator.prefix}/data/data"))
        assert "hit@3 1.000" in evaluated.stdout
    assert runs(operator) == ["my-handbook", "현장 안내서"]
    assert operator.path("data/exports/evaluation-1.csv").read_text().startswith("question,answer,rank")
    assert "현장 안내서" in page(operator)


def runs(operator):
    """Return the names of the evaluations that the application has stored."""
    with closing(sqlite3.connect(":memory:")) as database:
        database.deserialize(operator.path("data/data/db/evaluations.db").read_bytes())
        return [name for (name,) in database.execute("SELECT dataset FROM evaluations ORDER BY id")]


def page(operator):
    """Return what the dashboard answers on the host's loopback."""
    serve = (f"{operator.prefix}/bin/rag-mini-dashboard", "--port", "0")
    with operator.host.background(*serve, ready="http://127.0.0.1:", user=operator.user, cwd="/tmp") as lines:
        return succeeded(operator.run("python3", "-c", FETCH, lines[0].strip(), loopback=True)).stdout


def status(operator):
    return json.loads(succeeded(operator.tool("status", "--json")).stdout)


def versions(operator):
    return {row["release"]: row["product"]["version"] for row in status(operator)["releases"]}


def upgrade(operator, bundle, first):
    """Install the next version: the user's data and changed files stay, what is new is laid beside."""
    second = operator.install(bundle)
    assert second["former"] == first["active"]
    assert status(operator)["active"] == second["active"]
    assert versions(operator) == {first["active"]: "0.1.0", second["active"]: "0.2.0"}
    data = operator.path("data/data")
    assert "my-handbook" in (data / "questions.json").read_text()
    assert "site-handbook-2" in (data / "questions.json.new-20").read_text()
    assert (data / "more.json").read_text() == "{}\n"
    assert runs(operator) == ["my-handbook", "현장 안내서"]
    assert "my-handbook" in succeeded(operator.app("history")).stdout
    assert "my-handbook" in page(operator)
    assert tqdm(operator, second) != tqdm(operator, first)
    return second


def tqdm(operator, outcome):
    """Return the version of a package as a release has it."""
    site = operator.path(f"releases/{outcome['active']}/venv/lib/python{operator.host.python}/site-packages")
    (metadata,) = site.glob("tqdm-*.dist-info")
    return metadata.name


def fail_to_upgrade(operator, bundle, second):
    """Try a version that does not start: everything is as it was, and the former one still runs."""
    before = operator.state()
    failed = operator.installer(bundle, "install")
    said = refused(failed, 5, "rag-mini --help failed", "not ready for the closed network")
    assert f"The active release is still {second['active']}." in said
    assert operator.state() == before
    assert [entry["outcome"] for entry in audit(operator)] == ["done", "done", "failed"]
    assert "my-handbook" in succeeded(operator.app("history")).stdout


def audit(operator):
    lines = operator.path("state/audit/audit.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def refuse_to_go_back_through_a_bundle(operator, older):
    before = operator.state()
    refused(operator.installer(older, "install"), 3, "older than the installed release")
    assert operator.state() == before


def roll_back(operator, first, second):
    """Go back to the version before: the user's data and settings stay."""
    data = {path: state for path, state in operator.state().items() if path.startswith(("data", ".env"))}
    assert "0.1.0" not in versions(operator)[status(operator)["active"]]
    rolled = json.loads(succeeded(operator.tool("rollback", "--json")).stdout)
    assert (rolled["active"], rolled["former"]) == (first["active"], second["active"])
    assert status(operator)["active"] == first["active"]
    assert {path: state for path, state in operator.state().items() if path.startswith(("data", ".env"))} == data
    assert runs(operator) == ["my-handbook", "현장 안내서"]
    assert succeeded(operator.app("embed", "text")).stdout.startswith("384 numbers")
    assert "my-handbook" in page(operator)

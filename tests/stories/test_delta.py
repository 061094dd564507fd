"""A new version comes as a delta: a hundredth of its size, on hosts that have the one before."""

from __future__ import annotations

import json

import pytest

from tests.stories.operator import Operator, refused
from tests.stories.workshop import succeeded

pytestmark = [pytest.mark.index, pytest.mark.host]


def size_of(folder) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def active(operator):
    return json.loads(succeeded(operator.tool("status", "--json")).stdout)["active"]


def version(operator):
    return json.loads(operator.path("current/bundle/MANIFEST.json").read_text())["product"]["version"]


def test_a_delta_upgrades_a_host_and_is_undone_like_any_other(workshop, closed_host):
    host = closed_host("bookworm")
    operator = Operator(host, "operator")
    workshop.order("0.1.0", "0.2.0", python=host.python)
    delta = workshop.delta("0.2.0", "0.1.0", host.python)
    whole = workshop.bundle("0.2.0", host.python)
    assert (delta / "MANIFEST.json").read_bytes() == (whole / "MANIFEST.json").read_bytes()
    assert size_of(delta) < size_of(whole) / 100
    medium = operator.copy_in(delta)
    operator.install(operator.copy_in(workshop.bundle("0.1.0", host.python)))
    operator.configure(RAG_MINI_API_KEY="any")
    first = active(operator)

    planned = succeeded(operator.tool("install", medium, "--dry-run"))
    assert "Base release" in planned.stdout
    succeeded(operator.tool("upgrade", medium))
    second = active(operator)
    assert second != first
    assert version(operator) == "0.2.0"
    assert (
        "hit@3 1.000"
        in succeeded(operator.app("evaluate", "questions.json", cwd=f"{operator.prefix}/data/data")).stdout
    )
    validated = json.loads(operator.tool("validate", "--json").stdout)
    assert validated["overall_status"] in ("EXCELLENT", "GOOD")

    (operator.path("current") / "app" / "cli.py").unlink()
    succeeded(operator.tool("recover", "--yes"))
    assert active(operator) != second
    assert version(operator) == "0.2.0"
    succeeded(operator.tool("rollback"))
    assert active(operator) == first


def test_a_host_without_the_version_before_says_what_to_bring(workshop, closed_host):
    host = closed_host("bookworm")
    operator = Operator(host)
    whole = operator.copy_in(workshop.bundle("0.2.0", host.python))
    medium = operator.copy_in(workshop.delta("0.2.0", "0.1.0", host.python))
    done = operator.installer(whole, "install", medium)
    said = refused(done, 4, "this delta bundle needs from rag-mini 0.1.0")
    assert "full bundle of rag-mini 0.2.0 (release counter 20)" in said
    assert not operator.exists(operator.prefix)

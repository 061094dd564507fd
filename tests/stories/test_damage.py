"""The way of an installation that is damaged: noticed, explained, repaired."""

from __future__ import annotations

import json

import pytest

from tests.stories.operator import Operator
from tests.stories.workshop import succeeded

pytestmark = [pytest.mark.index, pytest.mark.host]


def test_damage_is_found_named_and_repaired(workshop, closed_host):
    host = closed_host("trixie")
    operator = Operator(host, "operator")
    operator.install(operator.copy_in(workshop.bundle("0.1.0", host.python)))
    operator.configure(RAG_MINI_API_KEY="any")
    data = f"{operator.prefix}/data/data"
    succeeded(operator.app("evaluate", "questions.json", cwd=data))
    sound = validate(operator, 0)
    assert failures(sound) == []

    damage(operator)
    broken = host.run(f"{operator.prefix}/bin/rag-mini", "embed", "text", user=operator.user)
    assert "ImportError" in broken.stderr  # the application's own words
    found = validate(operator, 1)
    assert found["overall_status"] == "CRITICAL"
    failed = failures(found)
    assert {"Packages", "Security"} <= {result["category"] for result in failed}
    reported = json.dumps(failed, ensure_ascii=False)
    for package in ("tokenizers", "numpy", "pydantic"):
        assert package in reported

    before = operator.state()
    asked = operator.tool("recover", f"{operator.home}/diagnosis.json")
    assert asked.returncode == 2, asked.stdout + asked.stderr
    assert "tokenizers" in asked.stdout
    assert operator.state() == before
    succeeded(operator.tool("recover", f"{operator.home}/diagnosis.json", "--yes"))

    assert failures(validate(operator, 0)) == []
    assert succeeded(operator.app("embed", "text")).stdout.startswith("384 numbers")
    assert "site-handbook" in succeeded(operator.app("history")).stdout
    assert not list(operator.path("releases").glob("*/venv/**/planted.py"))


def validate(operator, code):
    """Validate from the installed tool, look at its exit code, and return the report that it wrote."""
    report = f"{operator.home}/diagnosis.json"
    done = operator.tool("validate", "--output", report)
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(operator.host.path(report).read_text())


def failures(report):
    return [result for result in report["validation_results"] if result["status"] in ("FAIL", "ERROR")]


def damage(operator):
    """Delete a file of one package, flip a bit in another, plant a file in a third."""
    (site,) = operator.path("releases").glob("*/venv/lib/python3*/site-packages")
    (site / "tokenizers" / "__init__.py").unlink()
    library = next((site / "numpy" / "_core").glob("_multiarray_umath*.so"))
    data = bytearray(library.read_bytes())
    data[len(data) // 2] ^= 1
    library.write_bytes(data)
    (site / "pydantic" / "planted.py").write_text("print('not of the bundle')\n")

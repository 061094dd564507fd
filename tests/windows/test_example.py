"""The example with its native packages and its model on a Windows host, in a folder with Korean letters."""

from __future__ import annotations

import json

import pytest

from tests.stories.workshop import succeeded
from tests.windows.conftest import copy_of
from tests.windows.operator import failures

pytestmark = [pytest.mark.index, pytest.mark.host]


def test_the_application_embeds_as_where_it_was_built(example):
    (manifest,) = example.path("releases").glob("*/bundle/MANIFEST.json")
    probe = json.loads(manifest.read_text())["models"][0]["probe"]
    embedded = json.loads(succeeded(example.command("rag-mini", "embed", "--json", probe["sentence"])).stdout)
    assert embedded == pytest.approx(probe["embedding"], abs=1e-4)
    assert json.loads(example.path("current.json").read_text())["release"] == example.status()["active"]


def test_an_application_without_its_key_says_so(example):
    operator = copy_of(example)
    operator.path(".env").write_text("")
    done = operator.command("rag-mini", "embed", "x")
    assert done.returncode != 0
    assert "RAG_MINI_API_KEY" in done.stderr


def test_damage_is_found_and_repaired(example):
    operator = copy_of(example)
    operator.note("before")
    (site,) = operator.path("releases").glob("*/venv/Lib/site-packages")
    (site / "numpy" / "version.py").unlink()
    tokenizers = site / "tokenizers" / "__init__.py"
    tokenizers.chmod(0o644)
    tokenizers.write_text("raise SystemExit\n")
    (site / "planted.py").write_text("")
    reported = json.dumps(failures(operator.validate(1, "--output", "C:\\diagnosis.json")))
    assert all(name in reported for name in ("numpy", "tokenizers", "planted"))
    succeeded(operator.tool("recover", "C:\\diagnosis.json", "--yes"))
    assert failures(operator.validate(0)) == []
    assert operator.note("after")["notes"] == ["before", "after"]

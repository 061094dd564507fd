"""The settings of an installed application: who reads them, and what is said when they are missing."""

from __future__ import annotations

import stat

import pytest

from tests.stories.workshop import succeeded

pytestmark = [pytest.mark.index, pytest.mark.host]
ASK = ("embed", "text")


@pytest.fixture
def env_file(operator):
    """Give the settings file, which is as the installation made it again afterwards."""
    file = operator.path(".env")
    before = file.read_bytes()
    yield file
    file.write_bytes(before)


def test_the_file_is_its_owners_alone_and_names_what_can_be_set(env_file):
    assert stat.S_IMODE(env_file.stat().st_mode) == 0o600
    names = ["# RAG_MINI_API_KEY=", "# RAG_MINI_DATABASE_URL=", "# RAG_MINI_TOP_K="]
    assert env_file.read_text().splitlines()[1:] == names


def test_without_its_key_the_application_says_so(operator, env_file):
    silent = operator.app(*ASK)
    assert silent.returncode == 1
    assert f"rag-mini: RAG_MINI_API_KEY is not set; add it to {operator.prefix}/.env\n" in silent.stderr
    assert "RAG_MINI_API_KEY: field required" in silent.stderr
    succeeded(operator.app(*ASK, env={"RAG_MINI_API_KEY": "any"}))


def test_what_nobody_loads_is_told_with_the_name_that_is_meant(operator, env_file):
    operator.configure(RAG_MINI_API_KEY="any", RAG_MINI_TOPK="s3cret-1", RAG_MINI_MODEL_PATH="/s3cret-2")
    reported = operator.tool("validate", "--quick").stdout
    assert "RAG_MINI_TOPK (did you mean RAG_MINI_TOP_K?)" in reported
    assert "RAG_MINI_MODEL_PATH" in reported
    assert "s3cret" not in reported


def test_a_launcher_reads_the_file_and_the_callers_variables_win(operator, env_file):
    operator.configure(RAG_MINI_API_KEY="'any'", RAG_MINI_TOP_K="1", NOT_IN_THE_TEMPLATE="1")
    data = f"{operator.prefix}/data/data"
    assert "hit@1" in succeeded(operator.app("evaluate", "questions.json", cwd=data)).stdout
    two = succeeded(operator.app("evaluate", "questions.json", cwd=data, env={"RAG_MINI_TOP_K": "2"}))
    assert "hit@2" in two.stdout


def test_a_launcher_works_through_a_link_and_whatever_the_caller_has_set(operator, env_file):
    operator.configure(RAG_MINI_API_KEY="any")
    operator.run("ln", "-sf", f"{operator.prefix}/bin/rag-mini", "/usr/local/bin/rag-mini")
    hostile = {"PYTHONPATH": "/nowhere", "PYTHONHOME": "/nowhere", "CDPATH": "/usr", "RAG_MINI_MODEL_PATH": "/nowhere"}
    succeeded(operator.run("rag-mini", *ASK, cwd="/tmp", env=hostile))

from __future__ import annotations

from dataclasses import replace

import pytest

from bootstrap.bundle.application import Environment
from tests.installed import APPLICATION, make_prefix
from tests.validator.looking import look
from validator.check import FAIL, PASS, SKIP, WARN
from validator.checks.ragtrace_settings import Settings


@pytest.fixture(autouse=True)
def _no_key(monkeypatch) -> None:
    monkeypatch.delenv("DEMO_API_KEY", raising=False)
    monkeypatch.delenv("RAGTRACE_CALLER_NAMES", raising=False)


def test_a_required_name_in_the_file_passes_and_its_value_is_not_shown(prefix) -> None:
    prefix.env_file.write_text("DEMO_API_KEY=s3cret\n")
    result = look(Settings, prefix)
    assert (result.status, result.details) == (PASS, "set: DEMO_API_KEY")


@pytest.mark.parametrize("variable", ["DEMO_API_KEY", "RAGTRACE_CALLER_NAMES"])
def test_a_name_that_the_caller_sets_passes(prefix, monkeypatch, variable) -> None:
    monkeypatch.setenv(variable, "OTHER,DEMO_API_KEY")
    assert look(Settings, prefix).status == PASS


@pytest.mark.parametrize("text", ["", "# DEMO_API_KEY=x\n", "DEMO_API_KEY=\n"])
def test_a_missing_name_warns_and_says_where_to_write_it(prefix, text) -> None:
    prefix.env_file.write_text(text)
    result = look(Settings, prefix)
    assert result.status == WARN
    assert result.evidence == {"missing": ["DEMO_API_KEY"]}
    assert str(prefix.env_file) in result.suggestion


def test_a_missing_file_warns(prefix) -> None:
    prefix.env_file.unlink()
    assert look(Settings, prefix).status == WARN


def test_the_value_of_the_template_warns(prefix) -> None:
    prefix.env_file.write_text("DEMO_API_KEY=your-key\n")
    result = look(Settings, prefix)
    assert result.status == WARN
    assert result.evidence == {"untouched": ["DEMO_API_KEY"]}


def test_a_file_that_is_no_text_fails(prefix) -> None:
    prefix.env_file.write_bytes(b"DEMO_API_KEY=\xff\n")
    assert look(Settings, prefix).status == FAIL


def test_an_application_without_settings_is_skipped(tmp_path) -> None:
    plain = replace(APPLICATION, environment=Environment(values={"DEMO_API_KEY": "x", "DEMO_MODEL": "{models}/tiny"}))
    assert look(Settings, make_prefix(tmp_path, application=plain)).status == SKIP

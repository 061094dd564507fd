from __future__ import annotations

from dataclasses import replace

import pytest

from bundle.product.environment import Environment
from tests.installed import APPLICATION, make_prefix
from tests.validator.checking import look, look_all, release_of
from validator.check import FAIL, PASS, SKIP, WARN
from validator.checks.application.settings import Settings


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


@pytest.mark.parametrize("data", [b"DEMO_API_KEY=\xff\n", "DEMO_API_KEY=x".encode("utf-16"), b"DEMO_API_KEY=x\0"])
def test_a_file_that_is_no_text_fails(prefix, data) -> None:
    prefix.env_file.write_bytes(data)
    assert look(Settings, prefix).status == FAIL


@pytest.mark.parametrize(
    ("name", "meant"),
    [("DEMO_COLOR", "DEMO_COLOUR"), ("demo_colour", "DEMO_COLOUR"), ("DEMO_APIKEY", "DEMO_API_KEY"), ("OTHER", "")],
)
def test_a_name_that_nobody_loads_warns_and_names_the_one_that_is_meant(prefix, name, meant) -> None:
    prefix.env_file.write_text(f"DEMO_API_KEY=s3cret\n{name}=s3cret-too\n")
    unread = look(Settings, prefix)
    assert unread.status == WARN
    assert unread.evidence == {"unread": [{"name": name, "meant": meant}]}
    assert str(prefix.env_file) in unread.details
    assert (f"{name} (did you mean {meant}?)" if meant else name) in unread.details
    assert "environment.also" in unread.suggestion
    assert "s3cret" not in str(unread.to_json())


def test_each_thing_that_is_wrong_is_told(prefix) -> None:
    prefix.env_file.write_text("DEMO_COLOR=x\nDEMO_MODEL=x\nx\n")
    kinds = [next(iter(result.evidence)) for result in look_all(Settings, prefix) if result.status == WARN]
    assert kinds == ["missing", "unread", "overridden", "lines"]


def test_a_name_that_the_profile_adds_or_has_a_default_for_is_loaded(tmp_path) -> None:
    more = replace(APPLICATION.environment, also=("DEMO_DEVICE",), defaults={"DEMO_LEVEL": "low"})
    prefix = make_prefix(tmp_path, application=replace(APPLICATION, environment=more))
    prefix.env_file.write_text("DEMO_API_KEY=x\nDEMO_DEVICE=cpu\nDEMO_LEVEL=high\n")
    assert look(Settings, prefix).status == PASS


def test_a_name_that_the_release_sets_itself_warns_unless_it_is_the_same(prefix) -> None:
    prefix.env_file.write_text("DEMO_API_KEY=x\nDEMO_MODEL=/s3cret\n")
    overridden = look(Settings, prefix)
    assert (overridden.status, overridden.evidence) == (WARN, {"overridden": ["DEMO_MODEL"]})
    assert "DEMO_MODEL" in overridden.details
    assert "s3cret" not in str(overridden.to_json())
    prefix.env_file.write_text(f"DEMO_API_KEY=x\nDEMO_MODEL={release_of(prefix).models}/tiny\n")
    assert look(Settings, prefix).status == PASS


def test_lines_that_set_nothing_warn_by_their_number(prefix) -> None:
    prefix.env_file.write_bytes(b"\xef\xbb\xbfDEMO_API_KEY=x\r\nset DEMO_COLOUR=s3cret\r\nDEMO_COLOUR='s3cret\r\n")
    wrong = look(Settings, prefix)
    assert (wrong.status, wrong.evidence) == (WARN, {"lines": [2, 3]})
    assert "2, 3" in wrong.details
    assert "s3cret" not in str(wrong.to_json())


def test_an_application_without_settings_is_skipped(tmp_path) -> None:
    plain = replace(APPLICATION, environment=Environment(values={"DEMO_API_KEY": "x", "DEMO_MODEL": "{models}/tiny"}))
    prefix = make_prefix(tmp_path, application=plain)
    assert not prefix.env_file.exists()
    assert look(Settings, prefix).status == SKIP
    prefix.env_file.write_text("DEMO_COLOUR=red\n")
    assert look(Settings, prefix).status == WARN

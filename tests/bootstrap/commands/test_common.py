"""The log of a run: one file, whose first line says which version of the tool writes it."""

from __future__ import annotations

import json

import pytest

from bootstrap import cli
from installer.logs.runlog import RUN
from shared import __version__
from tests.tiny import install_tiny, tiny_bundle


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return tiny_bundle(tmp_path_factory.mktemp("bundle"))


def logs(prefix, command):
    """Return the lines of each log file of this run for a command."""
    return [
        [json.loads(line)["message"] for line in path.read_text().splitlines()]
        for path in sorted((prefix / "state" / "logs").glob(f"*-{command}-{RUN}.log"))
    ]


def test_the_log_of_an_installation_begins_as_all_others_do(tmp_path, tiny) -> None:
    prefix = tmp_path / "prefix"
    options = ["--trust-key", str(tiny.key), "--prefix", str(prefix), "--quiet"]
    install_tiny(tiny, prefix)  # so that the log is in the prefix
    assert cli.main(["install", str(tiny.folder), *options]) == 0
    (lines,) = logs(prefix, "install")
    assert lines[0] == f"ragtrace-install {__version__} begins"
    assert len([line for line in lines if line.endswith("begins")]) == 1


def test_a_run_has_one_log(tmp_path, tiny) -> None:
    prefix = install_tiny(tiny, tmp_path / "prefix").root
    for command in (["backup", "create"], ["status"]):
        assert cli.main([*command, "--prefix", str(prefix), "--quiet"]) == 0
        ((first, *others),) = logs(prefix, command[0])
        assert first.endswith("begins")
        assert not any(line.endswith("begins") for line in others)

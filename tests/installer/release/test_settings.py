"""PREFIX/.env as it is made, and what is told of one that is there."""

from __future__ import annotations

import json
import os
from dataclasses import replace

import pytest

from bootstrap.commands import common
from bundle.product.application import ModelApart
from bundle.product.environment import Environment
from installer.layout.prefix import Prefix
from installer.logs import runlog
from installer.release import acceptance, lacks, launchers, settings
from installer.release.installation import Installation
from installer.release.launchers import run_of
from shared.errors import InstallError
from shared.processes import process
from shared.programs import app_launcher
from shared.terminal.progress import NoProgress
from tests import installed
from tests.bundles import make_manifest
from validator.trials import trial

ENVIRONMENT = Environment(
    template={"COLOUR": "red", "API_KEY": "your-key", "MODEL": "x"},
    required=("API_KEY",),
    values={"MODEL": "{models}/tiny"},
    also=("DEVICE",),
    defaults={"LEVEL": "low", "CACHE": "{data}/cache", "FORMAT": 'a "b" # c'},
)


def manifest_of(environment: Environment):
    manifest = make_manifest()
    return replace(manifest, application=replace(manifest.application, environment=environment))


MANIFEST = manifest_of(ENVIRONMENT)


class Heard(NoProgress):
    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warn(self, text: str) -> None:
        self.warnings.append(text)


class Previous:
    """A release as far as its manifest is asked for."""

    def __init__(self, environment: Environment) -> None:
        self.manifest = lambda: manifest_of(environment)


@pytest.fixture
def prefix(tmp_path, host) -> Prefix:
    prefix = Prefix(tmp_path / "app")
    prefix.make()
    return prefix


def test_names_that_the_launcher_hid_count(monkeypatch) -> None:
    monkeypatch.setenv("RAGTRACE_CALLER_NAMES", "A_KEY,B_KEY")
    assert {"A_KEY", "B_KEY", "PATH"} <= settings.caller_names()
    assert "" not in settings.caller_names()


def test_a_new_file_names_all_that_can_be_set_and_shows_defaults(prefix) -> None:
    heard = Heard()
    settings.write_env_file(prefix, MANIFEST, None, heard)
    assert prefix.env_file.read_text().splitlines()[1:] == [
        "# API_KEY=",
        "# COLOUR=",
        "# DEVICE=",
        "# Defaults of this release; uncomment a line to change it:",
        "# CACHE={data}/cache",
        '# FORMAT="a \\"b\\" # c"',
        "# LEVEL=low",
    ]
    assert heard.warnings == []


@pytest.mark.parametrize(
    "default", ["low", "", "{data}/cache", "{models}/a b", 'a "b" # c', " x ", "C:\\new", "it's", "a\\", "#"]
)
def test_a_default_whose_line_is_uncommented_holds_as_before(tmp_path, default) -> None:
    manifest = manifest_of(replace(ENVIRONMENT, defaults={"CACHE": default}))
    lines = [line.removeprefix("# ") for line in settings.env_lines(manifest) if "CACHE=" in line]
    found, wrong = app_launcher.read_env("\n".join(lines))
    written = {name: value for _line, name, value in found}
    release, run = str(tmp_path / "releases" / "1"), run_of(manifest)
    before = app_launcher.environment(release, run, {}, {})
    assert wrong == []
    assert app_launcher.environment(release, run, {}, written) == before
    assert len(lines) == len(manifest.application.environment.defaults)


def test_places_are_those_of_names_with_a_default_alone(tmp_path) -> None:
    release, run = str(tmp_path / "releases" / "1"), run_of(MANIFEST)
    written = {"CACHE": "{data}/other/{name}", "COLOUR": "{data}"}
    env = app_launcher.environment(release, run, {}, written, data=str(tmp_path / "copy"))
    assert (env["CACHE"], env["COLOUR"]) == (f"{tmp_path / 'copy'}/other/{{name}}", "{data}")


def test_an_application_without_settings_gets_no_file(prefix) -> None:
    settings.write_env_file(prefix, manifest_of(Environment(values={"A": "1"})), None, Heard())
    assert not prefix.env_file.exists()


@pytest.mark.parametrize(
    ("text", "former", "new"),
    [
        ("API_KEY=x\n", None, ["COLOUR", "DEVICE", "LEVEL", "CACHE", "FORMAT"]),
        ("API_KEY=x\n#COLOUR=\n  # DEVICE = cpu\nexport LEVEL=low\nCACHE=\n# FORMAT=", None, []),
        ("", Previous(ENVIRONMENT), []),
        ("", Previous(Environment(ENVIRONMENT.template, ENVIRONMENT.required)), ["DEVICE", "LEVEL", "CACHE", "FORMAT"]),
    ],
)
def test_a_file_that_is_there_stays_and_new_names_are_told(prefix, text, former, new) -> None:
    prefix.env_file.write_text(text)
    heard = Heard()
    settings.write_env_file(prefix, MANIFEST, former, heard)
    assert prefix.env_file.read_text() == text
    assert len(heard.warnings) == bool(new)
    for warning in heard.warnings:
        assert f": {', '.join(new)}. {prefix.env_file} was not changed" in warning


def test_a_file_that_is_no_text_is_told_and_stays(prefix) -> None:
    prefix.env_file.write_bytes(b"\xff")
    heard = Heard()
    settings.write_env_file(prefix, MANIFEST, None, heard)
    assert len(heard.warnings) == 1
    assert str(prefix.env_file) in heard.warnings[0]
    assert prefix.env_file.read_bytes() == b"\xff"


def test_a_link_whose_target_is_not_there_stays_and_what_could_be_set_is_told(prefix, tmp_path) -> None:
    prefix.env_file.symlink_to(tmp_path / "not-mounted" / "secrets")
    heard = Heard()
    settings.write_env_file(prefix, MANIFEST, None, heard)
    assert prefix.env_file.is_symlink()
    assert len(heard.warnings) == 1
    assert "API_KEY" in heard.warnings[0]


def test_closing_lines_name_what_is_still_missing_and_the_file(prefix, capsys) -> None:
    release = prefix.release("1-aaaaaaaaaaaa-r1")
    settings.write_env_file(prefix, MANIFEST, None, Heard())
    lacking = lacks.find(Installation(prefix, release, MANIFEST))
    assert lacking.to_json()["missing_settings"] == {"file": str(prefix.env_file), "names": ["API_KEY"]}
    common.show_lacking(lacking)
    reported = capsys.readouterr().out
    assert str(prefix.env_file) in reported
    assert "Still missing:  API_KEY" in reported
    prefix.env_file.write_text("API_KEY=s3cret\n")
    common.show_lacking(lacks.find(Installation(prefix, release, MANIFEST)))
    reported = capsys.readouterr().out
    assert str(prefix.env_file) in reported
    assert "missing" not in reported
    assert "s3cret" not in reported
    prefix.env_file.write_bytes(b"\xff")
    assert lacks.find(Installation(prefix, release, MANIFEST)).to_json()["missing_settings"]["names"] is None


def test_a_model_that_must_be_brought_is_named_with_its_folder(prefix, capsys) -> None:
    apart = ModelApart("bge", "hf:some/bge@main")
    manifest = replace(MANIFEST, application=replace(MANIFEST.application, models_apart=(apart,)))
    release = prefix.release("1-aaaaaaaaaaaa-r1")
    lacking = lacks.find(Installation(prefix, release, manifest))
    (reported,) = lacking.to_json()["missing_models"]
    assert (reported["name"], reported["source"], reported["folder"]) == (
        apart.name,
        apart.source,
        str(prefix.models / "bge"),
    )
    common.show_lacking(lacking)
    assert f"Missing model:  bge. {reported['advice']}" in capsys.readouterr().out
    (prefix.models / "bge").mkdir(parents=True)
    (prefix.models / "bge" / "config.json").write_text("{}")
    assert lacks.find(Installation(prefix, release, manifest)).models == ()


def test_a_manifest_without_the_later_keys_is_read_and_written_as_it_was() -> None:
    from bundle.manifest import parse_manifest

    old = make_manifest().to_bytes()
    assert set(json.loads(old)["application"]["environment"]) == {"template", "required", "values"}
    assert parse_manifest(old).to_bytes() == old
    assert parse_manifest(MANIFEST.to_bytes()).application.environment == ENVIRONMENT


DEMANDING = b"""\
import os, sys
wanted = {"DEMO_LEVEL": "low", "DEMO_API_KEY": "your-key", "DEMO_TOKEN": "placeholder", "DEMO_MODEL": sys.argv[2]}
found = {name: os.environ.get(name) for name in wanted}
if found != wanted:
    sys.exit(f"{found} is not {wanted}")
"""


def test_every_trial_gets_the_settings_that_a_user_would_have(tmp_path, host) -> None:
    """When a release is accepted, when its health is looked at, when it is validated, and from its launcher."""
    application = replace(
        installed.APPLICATION,
        environment=Environment(
            {"DEMO_API_KEY": "your-key", "DEMO_LEVEL": "high"},
            ("DEMO_API_KEY", "DEMO_TOKEN"),
            {"DEMO_MODEL": "fixed"},
            ("DEMO_TOKEN",),
            {"DEMO_LEVEL": "low"},
        ),
        smoke=(("demo", "look", "fixed"),),
    )
    prefix = installed.make_prefix(tmp_path, application=application, source={"app.py": DEMANDING}, probe=None)
    release = prefix.active()
    manifest = release.manifest()
    acceptance.check_health(prefix, manifest, NoProgress())
    ended = trial.run_launcher(Installation(prefix, release, manifest), ("demo", "look", "fixed"), timeout=60)
    assert ended.ok, ended.stderr
    prefix.env_file.write_text("DEMO_API_KEY=your-key\nDEMO_TOKEN=placeholder\n")
    path = {"PATH": os.environ["PATH"]}
    ended = process.run(launchers.argv(prefix, manifest, "demo", ["look", "fixed"]), env=path, timeout=60)
    assert ended.ok, ended.stderr
    manifest = replace(manifest, application=replace(application, smoke=(("demo", "look", "other"),)))
    with pytest.raises(InstallError, match="is not"):
        acceptance.check_health(prefix, manifest, NoProgress())


def test_what_the_file_sets_never_gets_into_a_log(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(runlog, "_secrets", set())
    file = tmp_path / ".env"
    file.write_bytes(b'\xef\xbb\xbfA=plain-one # why\nB="quo\\"ted-two"\nTYPO=\'three\nline-four\'\nC=\0broken-five\n')
    runlog.hide(runlog.secrets_of(file))
    said = runlog.without_secrets('plain-one quo"ted-two three\nline-four; line-four broken-five')
    assert said == "*** *** ***; *** ***"

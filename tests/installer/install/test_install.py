from __future__ import annotations

import json
import os
import subprocess
from dataclasses import replace

import pytest

from installer.change import retention
from installer.install import install as story
from installer.install import preflight, rollback
from installer.layout import journal
from installer.layout.prefix import Prefix
from installer.logs import audit_log
from installer.release import acceptance, stage
from installer.release.environment.wheels import SCRATCH
from installer.release.receipt import compare, read_receipt
from shared.errors import HostError, InstallError, ToolError, TrustError
from shared.files import files
from shared.programs.uv import Uv
from shared.terminal.progress import NoProgress
from tests.helpers import NOTES, QUIET, install, opened, snapshot
from tests.installer.install.noted import log, refuse
from tests.tiny import APP, COUNTER, tiny_bundle

BROKEN = {"app.py": "import sys\nsys.exit('broken on purpose')\n"}


def run(prefix: Prefix, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = {"PATH": os.environ["PATH"], "TINY_API_KEY": "k"}
    return subprocess.run([prefix.bin / name, *arguments], env=env, capture_output=True, text=True, check=False)


def test_a_fresh_installation_runs(prefix, tiny) -> None:
    release = prefix.active()
    assert release.id.startswith(f"{COUNTER}-")
    assert json.loads(run(prefix, "tiny", "embed", "hello").stdout) == [5.0, 0.5]
    assert run(prefix, "tiny-version").stdout == "1.0.0\n"
    assert compare(release, read_receipt(release)) == []
    assert journal.read(prefix) is None
    assert "# TINY_API_KEY=" in prefix.env_file.read_text()
    assert prefix.env_file.stat().st_mode & 0o077 == 0
    assert not (release.path / SCRATCH).exists()
    assert log(prefix)[-1]["outcome"] == "done"
    assert read_receipt(release).signers == tuple(signer.key.fingerprint for signer in opened(tiny).signers)


def test_what_earlier_advisories_had_is_retained_before_the_switch(prefix, second, monkeypatch) -> None:
    first, warned, seen = prefix.active(), [], []
    monkeypatch.setattr(
        "installer.advisories.retained_list.prepare", lambda *_given: seen.append(prefix.active()) or "not stored"
    )
    monkeypatch.setattr(
        "installer.advisories.retained_list.remember", lambda *_given: seen.append(prefix.active()) or "not recorded"
    )
    monkeypatch.setattr(NoProgress, "warn", lambda _self, text: warned.append(text))
    install(second, prefix)
    assert seen == [first, prefix.active()]
    assert {"not stored", "not recorded"} <= set(warned)


def test_a_snapshot_that_cannot_be_compared_undoes_the_installation(prefix, second, monkeypatch) -> None:
    first = prefix.active()

    def refuse(*_given):
        raise TrustError("malformed.")

    monkeypatch.setattr("installer.advisories.retained_list.prepare", refuse)
    with pytest.raises((TrustError, InstallError), match="malformed"):
        install(second, prefix)
    assert prefix.active() == first
    assert prefix.complete_releases() == (first,)


def test_an_upgrade_keeps_what_is_the_users(prefix, second) -> None:
    first = prefix.active()
    (prefix.data / "data/questions.csv").write_text("mine\n")
    run(prefix, "tiny", "note", "한 줄")
    prefix.env_file.write_text("TINY_API_KEY=real\n")
    outcome = install(second, prefix)
    assert (outcome.active, outcome.former) == (prefix.active().id, first.id)
    assert (prefix.state / "previous").read_text() == f"{first.id}\n"
    assert (prefix.data / "data/questions.csv").read_text() == "mine\n"
    assert (prefix.data / f"data/questions.csv.new-{COUNTER + 1}").read_text() == "질문,답,점수\n"
    assert (prefix.data / "data/more.csv").read_text() == "a\n"
    assert (prefix.data / "data/notes.txt").read_text() == "한 줄\n"
    assert prefix.env_file.read_text() == "TINY_API_KEY=real\n"

    back = rollback.rollback(prefix, QUIET)
    assert (back.active, back.former) == (first.id, outcome.active)
    assert (prefix.data / "data/notes.txt").read_text() == "한 줄\n"
    assert rollback.rollback(prefix, QUIET).active == outcome.active
    assert rollback.rollback(prefix, QUIET, rollback.Goal(first.id)).active == first.id


def test_what_lies_beside_the_users_file_is_not_laid_there_again(prefix, second, tmp_path, tiny) -> None:
    (prefix.data / "data/questions.csv").write_text("mine\n")
    install(second, prefix)
    same = {"data/questions.csv": "질문,답,점수\n"}
    install(tiny_bundle(tmp_path / "third", counter=COUNTER + 2, sources=same, key=tiny.key.with_suffix("")), prefix)
    beside = [path.name for path in (prefix.data / "data").glob("questions.csv.new-*")]
    assert beside == [f"questions.csv.new-{COUNTER + 1}"]


def test_two_releases_are_kept_and_nothing_that_only_others_needed(prefix, second, tmp_path, tiny) -> None:
    first = prefix.active()
    foreign = prefix.releases / "notes of mine"
    foreign.mkdir()
    newer = install(second, prefix).active
    key = tiny.key.with_suffix("")
    third = tiny_bundle(
        tmp_path / "third", counter=COUNTER + 2, packages={"tiny-unused": ("0.2.0", {"u.py": ""})}, key=key
    )
    newest = install(third, prefix).active
    assert sorted(path.name for path in prefix.releases.iterdir()) == sorted([newer, newest, foreign.name])
    stored = {path.name for path in prefix.store.rglob("*") if path.is_file()}
    needed = {entry.sha256 for bundle in (second, third) for entry in bundle.manifest.files}
    assert stored <= needed
    assert {entry.sha256 for entry in third.manifest.of_kind("wheel")} <= stored
    assert not first.path.exists()


FAILURES = {
    "reading the bundle": (stage, "verify_into_store", TrustError("03_Source/app.py: altered.")),
    "a full disk": (stage, "stage_files", OSError(28, "No space left on device", "/disk")),
    "making the environment": (Uv, "venv", ToolError("uv venv failed.")),
    "installing packages": (Uv, "install", ToolError("uv pip install failed.")),
    "checking the files": (acceptance, "check_records", InstallError("a file is altered.")),
    "importing": (acceptance, "check_imports", InstallError("tiny_lib does not import.")),
    "the smoke test": (acceptance, "check_smoke", InstallError("tiny does not work.")),
    "sealing": (files, "sync_filesystem", OSError(5, "Input/output error", "/disk")),
    "the health check": (acceptance, "check_health", InstallError("tiny does not work.")),
    "Ctrl-C in the health check": (acceptance, "check_health", KeyboardInterrupt()),
}


@pytest.mark.parametrize("stage_name", FAILURES)
def test_a_failure_leaves_the_former_release_active(prefix, second, monkeypatch, stage_name) -> None:
    (prefix.data / "data/questions.csv").write_text("mine\n")
    before, active = snapshot(prefix.root, *NOTES), prefix.active()
    place, name, error = FAILURES[stage_name]
    real = getattr(place, name)

    def fail(*_arguments: object, **_options: object) -> None:
        monkeypatch.setattr(place, name, real)
        raise error

    monkeypatch.setattr(place, name, fail)
    with pytest.raises((InstallError, TrustError, KeyboardInterrupt)) as caught:
        install(second, prefix)
    assert snapshot(prefix.root, *NOTES) == before
    assert prefix.active() == active
    assert journal.read(prefix) is None
    assert log(prefix)[-1]["outcome"] == "failed"
    if not isinstance(error, KeyboardInterrupt):
        assert isinstance(caught.value, TrustError if isinstance(error, TrustError) else InstallError)
        assert f"The active release is still {active.id}." in caught.value.advice
        assert audit_log.head(prefix)[:16] in caught.value.advice
    monkeypatch.undo()
    assert run(prefix, "tiny", "--help").returncode == 0


def test_an_application_that_does_not_work_is_not_activated(prefix, tmp_path, tiny) -> None:
    active = prefix.active()
    broken = tiny_bundle(
        tmp_path / "broken", counter=COUNTER + 1, sources=BROKEN, key=tiny.key.with_suffix(""), core_imports=()
    )
    with pytest.raises(InstallError, match="broken on purpose"):
        install(broken, prefix)
    assert prefix.active() == active


def test_a_module_that_does_not_import_is_named(tmp_path, tiny, prefix) -> None:
    bad = {"tiny-math": ("2.2.0", {"tiny_math/__init__.py": "print('loading')\nraise RuntimeError('no luck')\n"})}
    bundle = tiny_bundle(tmp_path / "bad", counter=COUNTER + 1, packages=bad, key=tiny.key.with_suffix(""))
    with pytest.raises(InstallError, match="tiny_math cannot be imported: RuntimeError: no luck"):
        install(bundle, prefix)


@pytest.mark.parametrize("stage_name", ["reading the bundle", "installing packages", "the health check"])
def test_a_failed_first_installation_leaves_only_its_notes(tmp_path, tiny, monkeypatch, stage_name) -> None:
    place, name, error = FAILURES[stage_name]
    monkeypatch.setattr(place, name, refuse(type(error), str(error)))
    prefix = Prefix(tmp_path / "fresh")
    with pytest.raises((InstallError, TrustError)) as caught:
        install(tiny, prefix)
    assert "No release is active." in caught.value.advice
    assert sorted(path.name for path in prefix.root.iterdir()) == ["state"]
    assert {path.name for path in prefix.state.iterdir()} - {"unfinished"} == {"lock", "logs", "audit"}
    assert log(prefix)[-1]["outcome"] == "failed"
    monkeypatch.undo()
    assert install(tiny, prefix).active


def test_a_refusal_after_waiting_for_another_installation_takes_nothing_of_it(
    tmp_path, tiny, second, monkeypatch
) -> None:
    prefix, others = Prefix(tmp_path / "fresh"), iter([tiny])

    def inspect(*_arguments):
        for other in others:  # it begins and ends after the look from outside
            install(other, prefix)
            return []
        return [preflight.HostResult("Space", not prefix.active(), "0 bytes free", "Free some.")]

    monkeypatch.setattr(preflight, "preflight", inspect)
    with pytest.raises(HostError, match="0 bytes free"):
        install(second, prefix)
    assert prefix.active()
    assert len(log(prefix)) == 1
    assert (prefix.data / "data").is_dir()


def test_trying_out_touches_nothing_of_the_users(prefix, tmp_path, tiny) -> None:
    noisy = APP.replace(
        'if command == "--help":',
        'for name in (Path(__file__).parent / "data", Path(os.environ["TINY_DATA"]) / "data"):\n'
        '    (name / "trace.txt").write_text(os.getcwd())\n'
        'if "/releases/" in os.environ["TINY_DATA"]:\n    sys.exit("trial with scratch data")\n'
        'if command == "--help":',
    )
    environment = opened(tiny).manifest.application.environment
    values = {**environment.values, "TINY_DATA": "{data}"}
    bundle = tiny_bundle(
        tmp_path / "noisy",
        counter=COUNTER + 1,
        sources={"app.py": noisy},
        key=tiny.key.with_suffix(""),
        environment=type(environment)(environment.template, environment.required, values),
    )
    before = snapshot(prefix.data)
    with pytest.raises(InstallError, match="trial with scratch data"):
        install(bundle, prefix)
    assert snapshot(prefix.data) == before


def test_an_upgrade_leaves_the_settings_and_tells_the_new_names_and_a_rollback_reads_the_older_release(
    prefix, tmp_path, tiny
) -> None:
    environment = opened(tiny).manifest.application.environment
    bundle = tiny_bundle(
        tmp_path / "more",
        counter=COUNTER + 1,
        key=tiny.key.with_suffix(""),
        environment=replace(environment, also=("TINY_DEVICE",), defaults={"TINY_LEVEL": "low"}),
    )
    heard: list[str] = []
    progress = NoProgress()
    progress.warn = heard.append  # type: ignore[assignment]
    first = prefix.active()
    prefix.env_file.write_text("TINY_API_KEY=k\n")
    install(bundle, prefix, progress)
    assert prefix.env_file.read_text() == "TINY_API_KEY=k\n"
    (reported,) = [text for text in heard if "TINY" in text]
    assert "TINY_DEVICE, TINY_LEVEL" in reported
    assert set(json.loads(first.run_file.read_bytes())["environment"]) == {"template", "required", "values"}
    rollback.rollback(prefix, QUIET, rollback.Goal(first.id))
    assert prefix.active() == first
    assert json.loads(run(prefix, "tiny", "embed", "hello").stdout) == [5.0, 0.5]


def test_an_older_bundle_is_refused(prefix, tmp_path, tiny) -> None:
    older = tiny_bundle(tmp_path / "older", counter=COUNTER - 1, key=tiny.key.with_suffix(""))
    before = snapshot(prefix.root, *NOTES)
    with pytest.raises(TrustError, match="is older than"):
        install(older, prefix)
    assert snapshot(prefix.root, *NOTES) == before


def test_what_a_crash_left_goes_before_space_is_counted(prefix, second, monkeypatch) -> None:
    left = prefix.releases / f"{COUNTER}-{'0' * 12}-r1"
    left.mkdir()
    (left / "file").write_text("of 7 GB")
    journal.write(prefix, journal.Entry("install", left.name, prefix.active().id))
    full = preflight.HostResult("Space", False, "0 bytes free")
    monkeypatch.setattr(preflight, "preflight", lambda *_arguments: [full] if left.exists() else [])
    assert install(second, prefix).active


def test_the_clock_is_told_by_who_admits_the_bundle_and_not_once_more(prefix, tiny) -> None:
    later = replace(tiny.open(), manifest=replace(tiny.manifest, created="2999-01-01T00:00:00Z"))
    heard: list[str] = []
    progress = NoProgress()
    progress.warn = heard.append  # type: ignore[assignment]
    assert [finding.name for finding in preflight.of_bundle(later, prefix) if finding.warns] == ["Clock"]
    story.check_host(later, prefix, progress)
    assert heard == []


def test_trouble_after_the_activation_is_no_failure(prefix, second, monkeypatch) -> None:
    def fail(_prefix: Prefix) -> None:
        raise PermissionError(13, "Permission denied", "/prefix/releases/old")

    monkeypatch.setattr(retention, "collect", fail)
    outcome = install(second, prefix)
    assert prefix.active().id == outcome.active
    assert log(prefix)[-1]["outcome"] == "done"
    monkeypatch.undo()
    assert rollback.rollback(prefix, QUIET).former == outcome.active


def test_a_model_that_answers_wrongly_is_left_again(prefix, tmp_path, tiny) -> None:
    active = prefix.active()
    before = snapshot(prefix.root, *(name for name in NOTES if name != "state/previous"))
    key = tiny.key.with_suffix("")
    wrong = tiny_bundle(tmp_path / "wrong", counter=COUNTER + 1, weights='{"weight": 0.6}\n', key=key)
    with pytest.raises(InstallError, match=r"The model tiny returns a wrong result: a component differs by 0\.1"):
        install(wrong, prefix)
    assert prefix.active() == active
    assert snapshot(prefix.root, *(name for name in NOTES if name != "state/previous")) == before


def test_the_look_from_outside_adds_nothing_to_a_sealed_release(prefix, second) -> None:
    install(second, prefix)
    rollback.rollback(prefix, QUIET)
    for release in prefix.complete_releases():
        assert compare(release, read_receipt(release)) == []

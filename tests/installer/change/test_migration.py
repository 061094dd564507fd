"""A release with another layout of the data: migrated on a copy, switched to with it, gone back from whole."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bootstrap import api
from bundle.product.application import Migration
from installer.change import restore, transaction
from installer.install import preflight, repeated, rollback
from installer.layout import journal
from installer.release import acceptance
from installer.userdata import backups, copies, userdata
from shared.errors import HostError, InstallError
from tests.helpers import NOTES, QUIET, install, opened, snapshot
from tests.installer.change.test_transaction import die_at
from tests.tiny import APP, COUNTER, tiny_bundle

if TYPE_CHECKING:
    from installer.layout.prefix import Prefix
    from tests.tiny import Tiny

MIGRATE = """
elif command == "migrate":
    data = Path(os.environ["TINY_DATA"]) / "data"
    assert data.samefile(Path(__file__).parent / "data"), "the release must lead to the copy"
    assert os.environ["TINY_LEVEL"] == "low", "a default holds here as it does for the user"
    notes = data / "notes.txt"
    (data / "notes.json").write_text(json.dumps([os.environ["RAGTRACE_DATA_LAYOUT"], notes.read_text()]))
    notes.unlink()
    sys.exit(int(rest[0]))
"""


def migrating(folder, tiny, *, counter: int = COUNTER + 1, layout: int = 2, code: str = "0") -> Tiny:
    head, _else, tail = APP.rpartition("else:\n")
    environment = tiny.manifest.application.environment
    values = {**environment.values, "TINY_DATA": "{data}"}
    return tiny_bundle(
        folder,
        counter=counter,
        version="2.0.0",
        sources={"app.py": head.rstrip() + MIGRATE + "else:\n" + tail, "data/shipped.csv": "new\n"},
        key=tiny.key.with_suffix(""),
        environment=replace(
            environment,
            template={**environment.template, "TINY_LEVEL": "high"},
            values=values,
            defaults={"TINY_LEVEL": "low"},
        ),
        persist=("data", "out/reports"),
        migration=Migration(layout, ("tiny", "migrate", code)),
    )


@pytest.fixture(scope="module")
def second(tiny: Tiny, tmp_path_factory) -> Tiny:
    return migrating(tmp_path_factory.mktemp("second"), tiny)


@pytest.fixture
def used(prefix: Prefix) -> Prefix:
    (prefix.data / "data/notes.txt").write_text("옛 배치\n")
    (prefix.data / "data/notes.txt").chmod(0o640)
    (prefix.data / "data/empty").mkdir()
    return prefix


def migrated(prefix: Prefix) -> list[str]:
    return json.loads((prefix.data / "data/notes.json").read_text())


def test_an_upgrade_migrates_and_a_rollback_brings_the_former_data_back(used, second) -> None:
    old, first = snapshot(used.data), used.active()
    outcome = install(second, used)
    assert migrated(used) == ["0", "옛 배치\n"]
    assert not (used.data / "data/notes.txt").exists()
    assert (used.data / "data/shipped.csv").read_text() == "new\n"
    assert (used.data / "out/reports").is_dir()
    assert (used.active().app / "data").resolve() == used.data / "data"
    assert snapshot(userdata.set_aside(used, first)) == old
    (used.data / "data/later.txt").write_text("of layout 2\n")
    new = snapshot(used.data)

    rollback.rollback(used, QUIET)
    assert (used.active(), snapshot(used.data)) == (first, old)
    assert (used.data / "data/notes.txt").stat().st_mode & 0o777 == 0o640
    rollback.rollback(used, QUIET)
    assert (used.active().id, snapshot(used.data)) == (outcome.active, new)
    assert journal.read(used) is None
    assert transaction.leftovers(used) == []


def test_where_there_are_no_data_the_way_back_stays(prefix, second) -> None:
    first = prefix.active()
    for path in (prefix.data / "data").iterdir():
        path.unlink()
    install(second, prefix)
    assert not (prefix.data / "data/notes.json").exists(), "there was nothing to migrate"
    assert (prefix.data / "data/shipped.csv").is_file()
    rollback.rollback(prefix, QUIET)
    assert prefix.active() == first
    assert [*(prefix.data / "data").iterdir()] == []


def test_data_of_a_version_that_was_installed_anew_do_not_come_back(used, second, tmp_path, tiny) -> None:
    before = install(second, used).active
    rollback.rollback(used, QUIET)
    stale = userdata.set_aside(used, used.release(before))
    reported = repeated.effect_of(opened(second), used)
    done = install(second, used)
    assert [(gone.release, gone.data) for gone in done.collected.gone] == [(before, stale)]
    assert done.collected.gone == reported.going
    assert f"{before} and its data in {stale} will be removed" in reported.lines()[-1]
    assert not stale.exists()
    install(migrating(tmp_path / "third", tiny, counter=COUNTER + 2), used)
    (used.data / "data/later.txt").write_text("shared with the version before\n")
    rollback.rollback(used, QUIET)
    assert used.active().id == done.active
    assert (used.data / "data/later.txt").is_file()


def test_data_of_the_right_layout_are_left_alone(used, second, tmp_path, tiny) -> None:
    install(second, used)
    new = snapshot(used.data)
    install(migrating(tmp_path / "third", tiny, counter=COUNTER + 2, code="7"), used)
    assert {path: what for path, what in snapshot(used.data).items() if not path.endswith(".new")} == new
    rollback.rollback(used, QUIET)
    assert snapshot(used.data) == new


def test_former_data_go_with_the_release_that_read_them(used, second, tmp_path, tiny) -> None:
    first = used.active()
    install(second, used)
    install(migrating(tmp_path / "third", tiny, counter=COUNTER + 2), used)
    assert not first.path.exists()
    assert not userdata.set_aside(used, first).exists()
    assert (backups.list_backups(used)[0].path / "files/data/data/notes.txt").read_text() == "옛 배치\n"


@pytest.mark.parametrize("failure", ["the migration", "the smoke test", "the health check", "too little space"])
def test_a_failure_leaves_data_and_prefix_as_they_were(used, second, tmp_path, tiny, monkeypatch, failure) -> None:
    before = snapshot(used.root, *(name for name in NOTES if name != "state/previous"))
    bundle = second
    if failure == "the migration":
        bundle = migrating(tmp_path / "failing", tiny, code="3")
    elif failure == "too little space":
        monkeypatch.setattr(copies, "copy_tree", lambda _one, other: (other.mkdir(), os.mkdir("/nowhere/at/all")))
    else:
        name = {"the smoke test": "check_smoke", "the health check": "check_health"}[failure]

        def fail(*_arguments: object) -> None:
            raise InstallError("it does not work.")

        monkeypatch.setattr(acceptance, name, fail)
    with pytest.raises(InstallError) as caught:
        install(bundle, used)
    if failure == "the migration":
        assert "tiny migrate 3 failed (exit code 3)" in caught.value.what
        assert "Send the log, which has the full output" in caught.value.advice
    assert snapshot(used.root, *(name for name in NOTES if name != "state/previous")) == before


@pytest.mark.parametrize(
    ("name", "when"),
    [
        ("installer.userdata.copies.copy_tree", "after"),
        ("installer.change.migration.prepare", "after"),
        ("installer.change.migration.migrate", "after"),
        ("installer.userdata.userdata.swap_in", "before"),
        ("installer.userdata.userdata.swap_in", "after"),
        ("installer.layout.prefix.Prefix.set_current", "after"),
        ("installer.release.acceptance.check_health", "after"),
        ("installer.userdata.userdata.keep_previous", "before"),
        ("installer.userdata.userdata.keep_previous", "after"),
        ("installer.change.retention.collect", "after"),
    ],
)
def test_killed_with_a_migration_under_way(used, second, name, when) -> None:
    first, old = used.active(), snapshot(used.data)
    die_at(name, when, second, used)
    found = {path: what for path, what in snapshot(used.data).items() if not path.startswith("out")}
    assert found == old or (migrated(used) and not (used.data / "data/notes.txt").exists())
    transaction.resolve_if_unlocked(used)
    assert journal.read(used) is None
    assert not (used.root / userdata.INCOMING).exists()
    if used.active() == first:
        assert snapshot(used.data) == old
        assert backups.list_backups(used) == []
    else:
        assert migrated(used) == ["0", "옛 배치\n"]
        rollback.rollback(used, QUIET)
        assert (used.active(), snapshot(used.data)) == (first, old)
    once = snapshot(used.root, "state/audit")
    transaction.resolve_if_unlocked(used)
    assert snapshot(used.root, "state/audit") == once


def test_data_newer_than_the_release_are_refused_before_the_first_write(used, second, tmp_path, tiny) -> None:
    install(second, used)
    before = snapshot(used.root, "state/audit", "state/lock")
    older = tiny_bundle(tmp_path / "older", counter=COUNTER + 2, key=tiny.key.with_suffix(""))
    with pytest.raises(HostError, match="has layout 2, but this release reads layout 0"):
        install(older, used)
    assert snapshot(used.root, "state/audit", "state/lock") == before


def test_a_release_whose_data_are_gone_is_not_gone_back_to(used, second) -> None:
    first = used.active()
    active = install(second, used).active
    shutil.rmtree(userdata.set_aside(used, first))
    new = snapshot(used.data)
    with pytest.raises(HostError, match="no longer retained"):
        rollback.rollback(used, QUIET)
    assert (used.active().id, snapshot(used.data)) == (active, new)


def test_a_backup_from_before_the_migration_is_restored_under_the_release_that_reads_it(used, second) -> None:
    install(second, used)
    before, new = backups.list_backups(used)[-1], snapshot(used.data)
    assert before.layout == 0
    with pytest.raises(HostError, match="has data of layout 0, but the active release reads layout 2") as caught:
        restore.restore(used, before.name, QUIET)
    assert "rollback" in caught.value.advice
    with pytest.raises(HostError, match="has data of layout 0, but the active release reads layout 2"):
        api.plan_backup(used.root, restore=before.name)
    assert snapshot(used.data) == new
    rollback.rollback(used, QUIET)
    (used.data / "data/notes.txt").write_text("since then\n")
    restore.restore(used, before.name, QUIET)
    assert (used.data / "data/notes.txt").read_text() == "옛 배치\n"


def test_data_that_nobody_tells_the_layout_of_are_migrated(used, second) -> None:
    shutil.rmtree(used.releases)
    used.current.unlink()
    install(second, used)
    assert migrated(used) == ["", "옛 배치\n"]


def test_preflight_tells_of_the_migration(used, second) -> None:
    manifest = opened(second).manifest
    reported = [finding for finding in preflight.preflight(manifest, used) if finding.name == "Data"]
    assert ["layout 2" in finding.details for finding in reported] == [True]
    moved = used.root.parent / "elsewhere"
    shutil.move(used.data, moved)
    used.data.symlink_to(moved)
    assert [f.fits for f in preflight.preflight(manifest, used) if f.name == "Data"] == [False]


def test_the_application_reads_its_migrated_data(used, second) -> None:
    install(second, used)
    env = {"PATH": os.environ["PATH"], "TINY_API_KEY": "k"}
    subprocess.run([used.bin / "tiny", "note", "more"], env=env, check=True)
    assert (used.data / "data/notes.txt").read_text() == "more\n"

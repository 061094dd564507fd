"""The way back: what a rollback goes to, what a repeated installation does, what is collected and what waits."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from bootstrap import cli
from installer.change import retention, transaction
from installer.install import repeated, rollback
from installer.layout import in_use
from installer.logs import audit_log
from installer.userdata import userdata
from shared.errors import HostError
from tests.helpers import QUIET, install, opened, snapshot
from tests.installer.change.test_transaction import die_at
from tests.tiny import APP, COUNTER, tiny_bundle

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from installer.layout.prefix import Prefix
    from tests.tiny import Tiny

# imports a module for each line that it is told, as an application does that runs for months
LOOP = """elif command == "loop":
    for name in sys.stdin:
        try:
            print(__import__(name.strip()).__name__, flush=True)
        except ImportError as error:
            print(error, flush=True)
else:
"""
LATE = ("tiny_lib.more", "tiny_unused")  # what nothing has imported before


@pytest.fixture(scope="module")
def versions(tiny: Tiny, tmp_path_factory) -> list[Tiny]:
    """Give the next three versions of the tiny application."""
    folder = tmp_path_factory.mktemp("versions")
    return [
        tiny_bundle(
            folder / str(number),
            counter=COUNTER + number,
            version=f"1.{number}.0",
            sources={"data/questions.csv": f"질문 {number}\n", "app.py": LOOP.join(APP.rpartition("else:\n")[::2])},
            key=tiny.key.with_suffix(""),
        )
        for number in range(1, 4)
    ]


def damage(path: Path) -> None:
    path.chmod(0o644)
    path.write_text("changed\n")


def ids(prefix: Prefix) -> set[str]:
    return {path.name for path in prefix.releases.iterdir()}


def test_a_repeat_of_what_is_active_and_whole_changes_nothing(prefix, versions) -> None:
    first = prefix.active()
    made = install(versions[0], prefix)
    before, head = snapshot(prefix.root, "state/lock", "state/logs"), audit_log.head(prefix)
    again = install(versions[0], prefix)
    assert (again.active, again.former, again.already, again.audit_head) == (made.active, made.active, True, head)
    assert snapshot(prefix.root, "state/lock", "state/logs") == before
    assert rollback.rollback(prefix, QUIET).active == first.id


@pytest.mark.parametrize("point", ["installer.layout.prefix.Prefix.set_current", "installer.change.retention.collect"])
def test_a_repeat_after_a_kill_finishes_it_and_keeps_the_way_back(prefix, versions, point) -> None:
    first = prefix.active()
    die_at(point, "after", versions[0], prefix)
    again = install(versions[0], prefix)
    assert again.already
    assert audit_log.entries(prefix)[-1]["release"] == again.active
    assert ids(prefix) == {first.id, again.active}
    assert retention.previous(prefix) == first


def test_damage_is_seen_wherever_it_is(prefix, tiny) -> None:
    release, bundle = prefix.active(), opened(tiny)
    wheel = next(iter(tiny.manifest.of_kind("wheel")))
    assert repeated.trouble(bundle, prefix, release) == ""
    for place, reported in (
        (prefix.store / wheel.sha256[:2] / wheel.sha256, wheel.path),
        (prefix.bin / "tiny", "bin/tiny"),
        (release.app / "app.py", "app/app.py"),
        (release.receipt_file, "does not match the checksum"),
    ):
        damage(place)
        assert reported in repeated.trouble(bundle, prefix, release)


def test_a_repeat_of_what_is_damaged_installs_it_again_and_keeps_the_way_back(prefix, versions) -> None:
    first, damaged = prefix.active(), install(versions[0], prefix).active
    damage(prefix.active().app / "app.py")
    again = install(versions[0], prefix)
    assert again.active == damaged.replace("-r1", "-r2")
    assert not again.already
    assert [gone.release for gone in again.collected.gone] == [damaged]
    assert again.collected.gone[0].is_replaced
    assert ids(prefix) == {first.id, again.active}
    assert retention.previous(prefix) == first
    assert rollback.rollback(prefix, QUIET).active == first.id


def test_what_goes_is_told_before_and_after(prefix, versions, tiny, capsys) -> None:
    first = prefix.active()
    install(versions[0], prefix)
    argv = ["install", str(versions[1].folder), "--trust-key", str(tiny.key), "--prefix", str(prefix.root)]
    assert cli.main([*argv, "--dry-run"]) == 0
    assert f"{first.id} (1.0.0) will be removed" in capsys.readouterr().out
    assert cli.main([*argv, "--dry-run", "--json"]) == 0
    planned = json.loads(capsys.readouterr().out)
    assert [gone["release"] for gone in planned["removes"]] == [first.id]
    assert cli.main([*argv, "--json"]) == 0
    done = capsys.readouterr()
    assert json.loads(done.out)["removed"] == planned["removes"]
    assert f"{first.id} (1.0.0) will be removed" in done.err
    assert cli.main([*argv, "--dry-run"]) == 0
    assert "is already installed and matches" in capsys.readouterr().out
    assert cli.main(argv) == 0
    assert "is already installed and matches" in capsys.readouterr().out


def test_data_that_go_with_a_release_are_named(tmp_path) -> None:
    alone = retention.PlannedRemoval("7-abc-r1", "1.0.0")
    with_data = retention.PlannedRemoval("7-abc-r1", "1.0.0", data=tmp_path)
    assert retention.sentence(alone) == "7-abc-r1 (1.0.0) will be removed and cannot be rolled back to."
    assert f"and its data in {tmp_path}" in retention.sentence(with_data)
    assert [going.to_json()["data"] for going in (alone, with_data)] == [None, str(tmp_path)]
    assert "the new release replaces it" in retention.sentence(
        retention.PlannedRemoval("7-abc-r1", "1.0.0", is_replaced=True)
    )


def test_a_repair_of_the_only_version_is_no_way_back(prefix, tiny) -> None:
    damage(prefix.active().app / "app.py")
    install(tiny, prefix)
    with pytest.raises(HostError, match="no release of another version"):
        rollback.rollback(prefix, QUIET)


def test_a_former_release_that_lost_its_mark_is_still_the_way_back(prefix, versions) -> None:
    first = prefix.active()
    install(versions[0], prefix)
    first.path.chmod(0o755)
    first.complete_file.unlink()
    assert transaction.leftovers(prefix) == []
    assert retention.previous(prefix) == first


def test_data_set_aside_go_with_their_version_only(prefix, versions) -> None:
    first = prefix.active()
    install(versions[0], prefix)
    aside = userdata.set_aside(prefix, first)
    aside.mkdir()
    repaired = prefix.new_release(*first.version_key)
    assert userdata.waiting(prefix, repaired) == aside
    retention.collect(prefix)
    assert aside.is_dir()
    done = install(versions[1], prefix)
    assert [(gone.release, gone.data) for gone in done.collected.gone] == [(first.id, aside)]
    assert not aside.exists()


@pytest.fixture
def running(prefix, versions) -> Iterator[subprocess.Popen[str]]:
    """Start the second version by its launcher."""
    install(versions[0], prefix)
    with start([str(prefix.bin / "tiny"), "loop"]) as process:
        assert ask(process, "json") == "json"
        yield process
        process.kill()


def start(argv: list[str]) -> subprocess.Popen[str]:
    env = {"PATH": os.environ["PATH"], "TINY_API_KEY": "k"}
    return subprocess.Popen(argv, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def ask(process: subprocess.Popen[str], module: str) -> str:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{module}\n")
    process.stdin.flush()
    return process.stdout.readline().strip()


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()


@pytest.mark.parametrize("asked", ["lock", "processes"])
def test_what_runs_stays_through_two_upgrades_and_goes_once_it_has_ended(
    prefix, versions, running, monkeypatch, asked, capsys
) -> None:
    if asked == "lock":
        monkeypatch.setattr(in_use, "PROC", "/nowhere")
    else:
        monkeypatch.setattr(in_use, "_locked", lambda _release: (None, True))
    release = prefix.active()
    install(versions[1], prefix)
    done = install(versions[2], prefix)
    assert [waiting.release for waiting in done.collected.in_use] == [release.id]
    if asked == "processes":
        assert done.collected.in_use[0].users == (running.pid,)
    assert not release.is_complete
    assert transaction.leftovers(prefix) == []
    assert [ask(running, name) for name in LATE] == ["tiny_lib", "tiny_unused"]
    assert cli.main(["status", "--prefix", str(prefix.root)]) == 0
    assert release.path.exists()
    end(running)
    assert cli.main(["status", "--prefix", str(prefix.root)]) == 0
    assert not release.path.exists()
    assert len(ids(prefix)) == 2


def test_without_lock_and_processes_the_running_one_breaks(prefix, versions, running, monkeypatch) -> None:
    monkeypatch.setattr(in_use, "PROC", "/nowhere")
    monkeypatch.setattr(in_use, "_locked", lambda _release: (None, True))
    install(versions[1], prefix)
    install(versions[2], prefix)
    assert "No module named" in ask(running, "tiny_unused")


def test_where_locks_do_not_work_a_release_stays(prefix, versions, monkeypatch) -> None:
    release = prefix.active()
    install(versions[0], prefix)
    monkeypatch.setattr(in_use, "_locked", lambda _release: (None, False))
    done = install(versions[1], prefix)
    assert [waiting.release for waiting in done.collected.in_use] == [release.id]
    assert release.path.exists()


def test_no_more_than_so_many_wait(prefix, versions, monkeypatch) -> None:
    monkeypatch.setattr(in_use, "_locked", lambda _release: (None, False))
    monkeypatch.setattr(retention, "MOST_IN_USE", 1)
    for version in versions[:2]:
        install(version, prefix)
    assert len(ids(prefix)) == 2 + retention.MOST_IN_USE
    with pytest.raises(HostError, match="previous releases are still running") as caught:
        install(versions[2], prefix)
    assert "Stop these programs" in caught.value.advice
    assert len(ids(prefix)) == 2 + retention.MOST_IN_USE


def test_a_launcher_waits_for_whoever_looks_and_goes_to_the_release_that_took_its_place(prefix, versions) -> None:
    """The script has read ``current``, and then the release is taken out."""
    release = prefix.active()
    argv = [str(release.python), "-I", "-B", str(release.launch_file), "tiny", "--help"]
    with start(argv) as waiting:
        with in_use.claimed(release), pytest.raises(subprocess.TimeoutExpired):
            waiting.communicate(timeout=0.5)
        assert "usage: tiny" in waiting.communicate()[0]
    install(versions[0], prefix)
    retention.unmark_damaged(prefix, release)
    release.launch_file.chmod(0o644)
    (release.path / "run.json").chmod(0o644)
    (release.path / "run.json").write_text("gone")
    with start(argv) as handed_on:
        assert "usage: tiny" in handed_on.communicate()[0]


def test_the_name_of_a_damaged_release_that_was_replaced_is_not_used_again(prefix, versions) -> None:
    """The audit log has its receipt, by which that of another release of this name would count as forged."""
    install(versions[0], prefix)
    damaged = prefix.active()
    rollback.rollback(prefix, QUIET)
    retention.unmark_damaged(prefix, damaged)
    retention.collect(prefix)
    assert not damaged.path.exists()
    assert install(versions[0], prefix).active == damaged.id.replace("-r1", "-r2")

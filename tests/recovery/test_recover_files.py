"""A damaged installation is repaired into a new release; only what is damaged is made anew."""

from __future__ import annotations

import pytest

from tests.recovery.damaging import delete, flip, kept, truncate, whole


def test_a_whole_installation_is_left_alone(host):
    before = host.release
    done = host.recover()
    assert not done.applied
    assert done.plan.remedies == ()
    assert host.release == before
    assert not list(host.prefix.backups.iterdir())


@pytest.mark.parametrize(
    ("damage", "file"),
    [
        (delete, "tiny_lib/more.py"),
        (truncate, "tiny_lib/table.csv"),
        (flip, "tiny_lib/more.py"),
        (delete, "tiny_lib-1.0.0.dist-info/RECORD"),
        (flip, "../../../bin/tiny-version"),
    ],
)
def test_only_the_damaged_package_is_installed_again(host, installed, damage, file):
    before, record = host.inventory(), host.recorded("tiny_lib")
    stored = host.site / "tiny_math" / "text.py"
    inode, moment = stored.stat().st_ino, stored.stat().st_mtime_ns
    bytecode = next(host.release.app.rglob("*.pyc")).relative_to(host.release.path)
    compiled = (host.release.path / bytecode).stat().st_ino
    damage(host.site / file)
    damaged = host.release

    done = host.recover()

    assert installed == [["tiny-lib"]]
    assert [remedy.id for remedy in done.plan.remedies] == ["packages"]
    assert done.plan.packages == {"tiny-lib"}
    taken = host.site / "tiny_math" / "text.py"
    assert (taken.stat().st_ino, taken.stat().st_mtime_ns) == (inode, moment)
    assert taken.stat().st_nlink == 1  # the damaged release is gone
    assert (host.release.path / bytecode).stat().st_ino == compiled  # and its module has the time that it knows
    assert not damaged.path.exists()
    assert host.release.id.endswith("-r2")
    assert host.recorded("tiny_lib") == record
    after = host.inventory()
    assert set(after) == set(before)
    assert {path for path in after if after[path] != before[path]} <= {
        f"{host.site.relative_to(host.release.path).as_posix()}/tiny_lib-1.0.0.dist-info/RECORD"
    }
    whole(host)


def test_an_added_file_is_left_out_and_no_package_is_installed(host, installed):
    (host.site / "tiny_lib" / "planted.py").write_text("raise SystemExit(1)\n")
    (host.site / "planted.pth").write_text("import os\n")
    done = host.recover()
    assert installed == []
    assert [remedy.id for remedy in done.plan.remedies] == ["environment"]
    assert not list(host.site.rglob("planted*"))
    whole(host)


def test_damaged_bytecode_is_left_out_and_written_again(host, installed):
    bytecode = next((host.site / "tiny_math" / "__pycache__").glob("text.*.pyc"))
    good = bytecode.read_bytes()
    flip(bytecode)
    host.recover()
    assert installed == []
    again = host.site / "tiny_math" / "__pycache__" / bytecode.name
    assert again.read_bytes()[:16] == good[:16]  # of the same module: it kept its time
    whole(host)


def test_bytecode_that_nobody_sealed_is_left_out(host, installed):
    planted = host.site / "tiny_unused.cpython-27.pyc"
    planted.write_bytes(b"x")
    host.recover()
    assert installed == []
    whole(host)


@pytest.mark.parametrize(
    ("damage", "file"),
    [(flip, "app/app.py"), (delete, "run.json"), (truncate, "launch.py"), (delete, "interpreter")],
)
def test_files_of_the_application_come_from_the_store(host, installed, damage, file):
    before = host.inventory()
    damage(host.release.path / file)
    done = host.recover()
    assert installed == []
    assert [remedy.id for remedy in done.plan.remedies] == ["files"]
    assert host.inventory() == before
    whole(host)


@pytest.mark.parametrize(("damage", "file"), [(delete, "venv/pyvenv.cfg"), (flip, "venv/bin/activate")])
def test_the_environments_own_files_are_made_anew(host, installed, damage, file):
    before = host.inventory()
    damage(host.release.path / file)
    done = host.recover()
    assert installed == []
    assert [remedy.id for remedy in done.plan.remedies] == ["environment"]
    assert {path: text for path, text in host.inventory().items() if "activate" not in path} == {
        path: text for path, text in before.items() if "activate" not in path
    }
    whole(host)


def test_a_python_link_that_leads_elsewhere_is_made_anew(host):
    host.release.python.unlink()
    host.release.python.symlink_to("/nowhere/python")
    host.recover()
    whole(host)


def test_a_deleted_model_comes_from_the_store(host):
    (host.release.models / "tiny" / "weights.json").unlink()
    done = host.recover()
    assert [remedy.id for remedy in done.plan.remedies] == ["models"]
    whole(host)


@pytest.mark.parametrize("place", ["release", "store"])
def test_a_small_model_file_is_repaired_from_its_other_copy(host, tiny, place):
    """The release and the store have an inode each, so one damaged copy is repaired from the other."""
    entry = tiny.manifest.entry("07_Models/tiny/weights.json")
    flip(host.release.models / entry.inner if place == "release" else kept(host, entry))
    done = host.recover()
    assert [remedy.id for remedy in done.plan.remedies] == [{"release": "models", "store": "store-heal"}[place]]
    whole(host)

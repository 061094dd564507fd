"""What cannot be repaired without the bundle stops no other repair, and is named with what helps."""

from __future__ import annotations

import pytest

from installer.release import acceptance, receipt
from recovery.repair import replacement
from shared.errors import HostError, InstallError
from tests.recovery.damaging import advised, break_the_start, damaged_still, delete, flip, kept, spoil, whole


def test_a_model_damaged_in_the_store_too_needs_the_bundle(host, tiny):
    spoil(host, "07_Models/tiny/weights.json")
    before = host.release
    with pytest.raises(HostError) as error:
        host.recover()
    assert tiny.manifest.folder in error.value.advice
    assert "--bundle" in error.value.advice
    assert "models/tiny/weights.json" in error.value.what
    assert host.release == before

    done = host.recover(bundle=tiny.open())
    assert [remedy.id for remedy in done.plan.remedies] == ["store-fill", "models"]
    assert host.release.id.endswith("-r2")
    whole(host)


@pytest.mark.parametrize("damage", [delete, flip])
def test_a_damaged_model_blocks_no_other_repair(host, installed, tiny, damage):
    entry = spoil(host, "07_Models/tiny/weights.json")
    spoilt = (host.release.models / entry.inner).read_bytes()
    delete(host.site / "tiny_lib" / "more.py")
    damage(host.release.app / "src" / "helper.py")
    delete(host.prefix.bin / "tiny-version")
    advised(host, "ragtrace.models")

    done = host.recover()

    assert [remedy.id for remedy in done.plan.remedies] == ["launchers", "packages", "files"]
    assert installed == [["tiny-lib"]]
    assert done.plan.leaves_damage
    (left,) = done.plan.left
    assert (left.name, left.bundle_path, left.size, left.sha256) == ("tiny", entry.path, entry.size, entry.sha256)
    assert (host.release.models / entry.inner).read_bytes() == spoilt  # carried over as it is
    damaged_still(host, "models/tiny/weights.json")
    advised(host, "ragtrace.models", "ragtrace.probe")
    with pytest.raises(HostError):
        host.recover()  # nothing more can be done

    done = host.recover(bundle=tiny.open())
    assert [remedy.id for remedy in done.plan.remedies] == ["store-fill", "models"]
    whole(host)


def test_a_model_that_stays_damaged_is_not_asked(host, monkeypatch):
    """Whatever it answers, its answer says nothing; and one that is gone stays gone."""
    asked = []
    monkeypatch.setattr(
        acceptance, "check_answers", lambda manifest, *_: asked.append([m.name for m in manifest.models])
    )
    entry = host.tiny.manifest.entry("07_Models/tiny/weights.json")
    for path in (kept(host, entry), host.release.models / entry.inner):
        delete(path)
    delete(host.site / "tiny_lib" / "more.py")
    host.recover()
    assert asked == [[]]
    (found,) = receipt.compare(host.release, receipt.read_receipt(host.release))
    assert (found.path, found.kind) == ("models/tiny/weights.json", receipt.MISSING)


def test_a_damaged_source_file_blocks_no_other_repair(host, installed, tiny):
    entry = spoil(host, "03_Source/src/helper.py")
    delete(host.site / "tiny_lib" / "more.py")
    done = host.recover()
    assert installed == [["tiny-lib"]]
    assert [left.bundle_path for left in done.plan.left] == [entry.path]
    damaged_still(host, "app/src/helper.py")
    done = host.recover(bundle=tiny.open())
    assert [remedy.id for remedy in done.plan.remedies] == ["store-fill", "files"]
    whole(host)


def test_a_damaged_wheel_of_a_damaged_package_blocks_no_other_package(host, installed, tiny):
    wheel = next(e for e in tiny.manifest.of_kind("wheel") if "tiny_unused" in e.path)
    spoil(host, wheel.path)
    damaged = next(host.site.glob("tiny_unused*.py"))
    flip(damaged)
    delete(host.site / "tiny_lib" / "more.py")
    done = host.recover()
    assert installed == [["tiny-lib"]]
    assert done.plan.packages == {"tiny-lib"}
    assert [left.bundle_path for left in done.plan.left] == [wheel.path]
    damaged_still(host, damaged.relative_to(host.prefix.root / "releases").as_posix().partition("/")[2])
    done = host.recover(bundle=tiny.open())
    assert [remedy.id for remedy in done.plan.remedies] == ["store-fill", "packages"]
    whole(host)


def test_a_command_that_fails_before_and_after_stops_no_repair(host):
    break_the_start(host)
    delete(host.site / "tiny_lib" / "more.py")
    assert host.recover().plan.leaves_damage
    damaged_still(host, "app/app.py")


def test_a_command_that_fails_only_after_a_repair_in_part_does(host, monkeypatch):
    """No worse than before: what the damaged release still does, the repaired one must do."""
    spoil(host, "07_Models/tiny/weights.json")
    delete(host.site / "tiny_lib" / "more.py")
    before = host.release

    def fail(prefix, manifest, progress):
        raise InstallError("tiny does not work.")

    monkeypatch.setattr(acceptance, "check_health", fail)
    monkeypatch.setattr(acceptance, "check_aside", lambda *_given: None)
    with pytest.raises(InstallError):
        host.recover()
    assert host.release == before


def test_a_repair_that_fails_never_builds_from_damaged_files(host, installed, monkeypatch):
    """The way out, all packages anew, would seal the damaged file as if it were right."""

    def changed(items, damaged, release, digests):
        raise InstallError("a file changed while it was being reused.")

    spoil(host, "07_Models/tiny/weights.json")
    delete(host.site / "tiny_lib" / "more.py")
    before = host.release
    monkeypatch.setattr(replacement, "take_over", changed)
    with pytest.raises(InstallError):
        host.recover()
    assert host.release == before
    assert [len(names) for names in installed] == [1]


def test_a_lost_wheel_of_a_damaged_package_needs_the_bundle(host, tiny):
    wheel = next(e for e in tiny.manifest.of_kind("wheel") if "tiny_lib" in e.path)
    flip(host.prefix.store / wheel.sha256[:2] / wheel.sha256)
    delete(host.site / "tiny_lib" / "more.py")
    with pytest.raises(HostError):
        host.recover()
    done = host.recover(bundle=tiny.open())
    assert [remedy.id for remedy in done.plan.remedies] == ["store-fill", "packages"]
    whole(host)


def test_a_lost_wheel_of_a_whole_package_is_told_and_does_not_stop_the_rest(host, installed, tiny):
    wheel = next(e for e in tiny.manifest.of_kind("wheel") if "tiny_unused" in e.path)
    (host.prefix.store / wheel.sha256[:2] / wheel.sha256).unlink()
    delete(host.site / "tiny_lib" / "more.py")
    done = host.recover()
    assert installed == [["tiny-lib"]]
    assert tiny.manifest.folder in done.plan.unmet
    assert [finding.kind for finding in host.plan().findings] == ["store"]


def test_kept_files_are_healed_from_the_release(host, tiny):
    entry = tiny.manifest.entry("03_Source/app.py")
    flip(host.prefix.store / entry.sha256[:2] / entry.sha256)
    before = host.release
    done = host.recover()
    assert [remedy.id for remedy in done.plan.remedies] == ["store-heal"]
    assert host.release == before
    whole(host)


def test_a_damaged_application_file_is_restored_after_its_kept_copy_is_healed_from_the_data(host, tiny):
    entry = tiny.manifest.entry("03_Source/data/questions.csv")
    flip(host.prefix.store / entry.sha256[:2] / entry.sha256)
    delete(host.release.app / "app.py")
    done = host.recover()
    assert [remedy.id for remedy in done.plan.remedies] == ["store-heal", "files"]
    whole(host)

"""A damaged installation is repaired into a new release; only what is damaged is made anew."""

from __future__ import annotations

import os
import shutil
import stat

import pytest

from bootstrap import api
from bundle import digest
from installer.change import retention, transaction
from installer.layout import journal, proofs, seal
from installer.layout.store import Store
from installer.logs import audit_log
from installer.release import acceptance, receipt, tools_environment
from installer.release.stage import counterpart
from recovery.recover import recover
from recovery.repair import replacement
from shared.errors import BusyError, HostError, InstallError, ToolError, TrustError
from shared.files.lockfile import locked
from shared.processes import process
from shared.programs.uv import Uv
from shared.terminal.progress import NoProgress
from tests.installed import make_prefix
from tests.tiny import COUNTER, EMBEDDING, install_tiny, tiny_bundle
from tests.wheels import Wheel


def flip(path):
    """Change one byte of a file, also where the file is shared or read-only."""
    mode = stat.S_IMODE(path.stat().st_mode)
    path.chmod(0o644)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    with path.open("r+b") as file:
        file.write(data)
    path.chmod(mode)


def truncate(path):
    os.truncate(path, 3)


def delete(path):
    path.unlink()


def whole(host):
    """Assert that the active release works and is exactly what its receipt says."""
    assert receipt.compare(host.release, receipt.read_receipt(host.release)) == []
    assert host.answer() == list(EMBEDDING)
    assert host.plan().findings == ()
    assert journal.read(host.prefix) is None


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
    kept = host.site / "tiny_math" / "text.py"
    inode, moment = kept.stat().st_ino, kept.stat().st_mtime_ns
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


def kept(host, entry):
    return host.prefix.store / entry.sha256[:2] / entry.sha256


def spoil(host, path):
    """Damage a file of the bundle wherever this host has it."""
    entry = host.tiny.manifest.entry(path)
    flip(kept(host, entry))
    if entry.kind != "wheel":
        flip(counterpart(host.release, entry))
    return entry


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


def advised(host, *checks):
    """Assert that checks fail, and that validate advises the bundle: plain recover has done what it can."""
    results = api.validate(host.prefix.root, checks=checks).results
    assert [result.status for result in results] == ["FAIL"] * len(checks)
    for result in results:
        assert "recover --bundle" in result.command
        assert host.tiny.manifest.folder in result.suggestion


def damaged_still(host, *paths):
    """Assert that the active release works but for what is known to be damaged in it, which validate says too."""
    found = receipt.compare(host.release, receipt.read_receipt(host.release))
    assert [(deviation.path, deviation.kind) for deviation in found] == [(path, receipt.ALTERED) for path in paths]
    advised(host, "security.integrity")
    assert journal.read(host.prefix) is None


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
    assert done.plan.is_in_part
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
        acceptance, "check_answers", lambda prefix, manifest, *_: asked.append([m.name for m in manifest.models])
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


def break_the_start(host):
    """Let the application fail to start for a file that nothing on this host replaces."""
    spoil(host, "03_Source/app.py")
    (host.release.app / "app.py").write_text("raise SystemExit('broken')\n")


def test_a_command_that_fails_before_and_after_stops_no_repair(host):
    break_the_start(host)
    delete(host.site / "tiny_lib" / "more.py")
    assert host.recover().plan.is_in_part
    damaged_still(host, "app/app.py")


def test_a_command_that_fails_only_after_a_repair_in_part_does(host, monkeypatch):
    """No worse than before: what the damaged release still does, the repaired one must do."""
    spoil(host, "07_Models/tiny/weights.json")
    delete(host.site / "tiny_lib" / "more.py")
    before = host.release

    def fail(prefix, manifest, progress):
        raise InstallError("tiny does not work.")

    monkeypatch.setattr(acceptance, "check_health", fail)
    monkeypatch.setattr(acceptance, "try_out", lambda *_given: None)
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


@pytest.mark.parametrize("damage", [delete, truncate])
def test_a_lost_receipt_rebuilds_everything_that_the_signature_proves(host, installed, tiny, damage):
    damage(host.release.receipt_file)
    with pytest.raises(HostError):
        host.recover()  # nobody is trusted, so nothing proves the manifest
    done = host.recover(policy=tiny.policy)
    assert [remedy.id for remedy in done.plan.remedies] == ["rebuild"]
    assert [sorted(names) for names in installed] == [["tiny-lib", "tiny-math", "tiny-text", "tiny-unused"]]
    whole(host)


def forge(release, old, new):
    """Change a receipt, and the mark so that it vouches for it."""
    path = release.receipt_file
    path.write_bytes(path.read_bytes().replace(old, new))
    seal.mark_complete(release)


def test_a_receipt_of_another_release_counts_as_lost(host, tiny):
    forge(host.release, b"-r1", b"-r9")
    assert [remedy.id for remedy in host.plan(policy=tiny.policy).remedies] == ["rebuild"]


def test_a_receipt_that_leads_out_of_the_release_writes_nothing_there(host, tiny, tmp_path):
    """Only what a release may hold is taken over, whatever its receipt says."""
    outside = tmp_path / "outside"
    outside.write_bytes(b"x")
    site = host.site.relative_to(host.release.path).as_posix()
    evil = f"venv/../../../../{outside.name}"
    audit_log.log_file(host.prefix).unlink()  # else the receipt is not believed at all
    forge(host.release, f"{site}/tiny_math/text.py".encode(), evil.encode())
    host.recover()
    assert outside.read_bytes() == b"x"
    assert outside.stat().st_nlink == 1
    whole(host)


def test_a_receipt_that_was_changed_to_fit_a_changed_file_is_not_believed(host, tiny):
    file, receipt_file = host.site / "tiny_lib" / "more.py", host.release.receipt_file
    before = digest.sha256_file(file)[0]
    flip(file)
    receipt_file.chmod(0o644)
    receipt_file.write_bytes(receipt_file.read_bytes().replace(before.encode(), digest.sha256_file(file)[0].encode()))
    with pytest.raises(TrustError, match="does not match the checksum"):
        receipt.read_receipt(host.release)
    done = host.recover(policy=tiny.policy)
    assert [remedy.id for remedy in done.plan.remedies] == ["rebuild"]
    whole(host)


@pytest.mark.parametrize("damage", [flip, truncate, lambda path: path.write_bytes(b"x" * 5000), delete])
def test_a_damaged_mark_is_restored_where_the_audit_log_knows_the_receipt(host, damage):
    release = host.release
    release.complete_file.chmod(0o644)
    damage(release.complete_file)
    done = host.recover()
    assert [remedy.id for remedy in done.plan.remedies] == ["seal"]
    assert host.release == release
    whole(host)


def test_after_a_repair_the_mark_is_restored_too(host):
    delete(host.site / "tiny_lib" / "more.py")
    host.recover()
    delete(host.release.complete_file)
    assert [remedy.id for remedy in host.recover().plan.remedies] == ["seal"]
    whole(host)


def test_a_lost_mark_vouches_for_no_changed_receipt(host, tiny):
    release = host.release
    flip(release.receipt_file)
    delete(release.complete_file)
    done = host.recover(policy=tiny.policy)
    assert [remedy.id for remedy in done.plan.remedies] == ["rebuild"]
    assert not release.path.exists()
    whole(host)


def test_without_mark_and_log_the_release_is_built_anew(host, tiny):
    delete(host.release.complete_file)
    delete(audit_log.log_file(host.prefix))
    done = host.recover(policy=tiny.policy)
    assert [remedy.id for remedy in done.plan.remedies] == ["places", "rebuild"]  # the log begins anew
    whole(host)


def test_without_mark_and_receipt_the_release_is_built_anew(host, tiny):
    delete(host.release.receipt_file)
    delete(host.release.complete_file)
    done = host.recover(policy=tiny.policy)
    assert [remedy.id for remedy in done.plan.remedies] == ["rebuild"]
    whole(host)


def test_a_small_file_that_is_lost_twice_comes_from_the_bundle(host, tiny):
    entry = next(entry for entry in tiny.manifest.of_kind("source") if entry.inner == "app.py")
    delete(host.release.app / entry.inner)
    delete(host.prefix.store / entry.sha256[:2] / entry.sha256)
    assert tiny.manifest.folder in host.plan().unmet
    done = host.recover(bundle=tiny.open())
    assert [remedy.id for remedy in done.plan.remedies] == ["store-fill", "files"]
    whole(host)


METADATA = ["MANIFEST.json", "SHA256SUMS", "SHA256SUMS.*.sig"]


@pytest.mark.parametrize("damage", [flip, truncate, delete])
@pytest.mark.parametrize("file", METADATA)
def test_a_damaged_first_copy_of_the_metadata_is_replaced_by_the_second(host, installed, file, damage):
    damage(next(host.release.bundle.glob(file)))
    done = host.recover()
    assert [remedy.id for remedy in done.plan.remedies] == ["files"]
    assert installed == []
    whole(host)


@pytest.mark.parametrize("damage", [flip, truncate, delete, lambda path: shutil.rmtree(path.parent)])
@pytest.mark.parametrize("file", METADATA)
def test_a_damaged_second_copy_of_the_metadata_is_written_again(host, file, damage):
    release = host.release
    copy = proofs.place(host.prefix, digest.sha256_file(release.bundle / "MANIFEST.json")[0])
    damage(next(copy.glob(file)))
    done = host.recover()
    assert [remedy.id for remedy in done.plan.remedies] == ["papers"]
    assert host.release == release
    assert proofs.read_metadata(copy) == proofs.read_metadata(release.bundle)
    whole(host)


def test_only_kept_releases_have_second_copies(host, newer, tiny, tmp_path):
    newest = tiny_bundle(tmp_path / "newest", counter=COUNTER + 5, version="5.0", key=tiny.key.with_suffix(""))
    for bundle in (newer, newest):
        install_tiny(bundle, host.prefix.root)
    kept = host.prefix.complete_releases()
    assert {release.manifest().product.counter for release in kept} == {newer.manifest.product.counter, COUNTER + 5}
    assert {path.name for path in proofs.folder(host.prefix).iterdir()} == {
        digest.sha256_file(release.bundle / "MANIFEST.json")[0] for release in kept
    }


def test_a_damaged_manifest_is_replaced_by_a_copy_of_the_same_bundle(host, tiny):
    # a release of the same bundle that still runs, as a repair leaves it
    shutil.copytree(host.release.path, host.prefix.releases / f"{host.release.id}9", symlinks=True)
    shutil.rmtree(proofs.folder(host.prefix))
    flip(host.release.bundle / "MANIFEST.json")
    done = host.recover()
    assert [remedy.id for remedy in done.plan.remedies] == ["papers", "files"]
    whole(host)


def test_a_manifest_without_another_copy_leads_to_the_former_release(host, tiny, newer):
    install_tiny(newer, host.prefix.root)
    damaged = host.release
    flip(damaged.bundle / "MANIFEST.json")
    shutil.rmtree(proofs.folder(host.prefix))
    done = host.recover()
    assert [remedy.id for remedy in done.plan.remedies] == ["rollback"]
    assert host.release.order[0] == tiny.manifest.product.counter
    assert not damaged.path.exists()
    assert host.answer() == list(EMBEDDING)


def test_a_manifest_without_another_copy_leads_to_the_bundle_first(host, tiny):
    flip(host.release.bundle / "MANIFEST.json")
    shutil.rmtree(proofs.folder(host.prefix))
    damaged = host.release
    done = host.recover(bundle=tiny.open())
    assert [remedy.id for remedy in done.plan.remedies] == ["reinstall"]
    assert not damaged.path.exists()
    whole(host)


def test_nothing_left_at_all_is_installed_from_the_bundle(host, tiny):
    shutil.rmtree(host.prefix.releases)
    with pytest.raises(HostError) as error:
        host.recover()
    assert "--bundle" in error.value.advice
    shutil.rmtree(host.prefix.bin)
    done = host.recover(bundle=tiny.open())
    assert [remedy.id for remedy in done.plan.remedies] == ["reinstall"]
    whole(host)


def test_a_store_removed_by_hand_is_filled_again_as_far_as_copies_go_and_the_rest_is_named(host, tiny):
    shutil.rmtree(host.prefix.root / "store")
    release = host.release
    done = host.recover()
    assert [remedy.id for remedy in done.plan.remedies] == ["store-heal"]
    assert tiny.manifest.folder in done.plan.unmet
    assert host.answer() == list(EMBEDDING)
    done = host.recover(bundle=tiny.open())
    assert [remedy.id for remedy in done.plan.remedies] == ["store-fill"]
    assert host.release == release
    whole(host)


@pytest.mark.parametrize("name", ["app", "venv", "models"])
def test_a_link_in_the_place_of_a_folder_of_the_release(host, tmp_path, name):
    release = host.release
    release.path.chmod(0o755)
    (release.path / name).rename(tmp_path / name)
    (release.path / name).symlink_to(tmp_path / name)
    there = sorted((tmp_path / name).rglob("*"))
    host.recover()
    assert not (host.release.path / name).is_symlink()
    assert sorted((tmp_path / name).rglob("*")) == there  # where it led to is not ours
    whole(host)


def break_current(host, how):
    current = host.prefix.current
    current.unlink()
    if how == "dangling":
        current.symlink_to("releases/1-0123456789ab-r1")
    elif how == "file":
        current.write_text("x")
    elif how == "folder":
        current.mkdir()


@pytest.mark.parametrize("how", ["missing", "dangling", "file", "folder"])
def test_a_broken_current_is_put_right_in_place(host, newer, how):
    install_tiny(newer, host.prefix.root)
    active = host.release
    break_current(host, how)
    done = host.recover()
    assert [remedy.id for remedy in done.plan.remedies] == ["current"]
    assert host.release == active
    whole(host)


def test_a_release_removed_by_hand_leads_to_the_one_that_is_left(host, newer):
    kept = host.release
    install_tiny(newer, host.prefix.root)
    shutil.rmtree(host.release.path)
    host.recover()  # without a policy nobody vouches for the metadata of the lost one
    assert host.release == kept
    assert host.answer() == list(EMBEDDING)


def test_a_release_removed_by_hand_is_built_anew_where_store_and_metadata_are_whole(host, tiny):
    lost = host.release
    shutil.rmtree(lost.path)
    done = host.recover(policy=tiny.policy)
    assert [remedy.id for remedy in done.plan.remedies] == ["rebuild"]
    assert host.release.made_from == lost.made_from
    assert host.release != lost  # its name stands in the log, with another receipt
    whole(host)


@pytest.mark.parametrize(
    "damage", [delete, truncate, lambda path: path.chmod(0o644), lambda path: shutil.rmtree(path.parent)]
)
def test_launchers_are_written_anew_in_place(host, damage):
    release = host.release
    damage(host.prefix.bin / "tiny")
    done = host.recover()
    assert [remedy.id for remedy in done.plan.remedies] == ["launchers"]
    assert host.release == release
    whole(host)


def test_settings_become_private_and_keep_their_content(host):
    host.prefix.env_file.write_text("TINY_API_KEY=secret\n")
    host.prefix.env_file.chmod(0o644)
    done = host.recover()
    assert [remedy.id for remedy in done.plan.remedies] == ["settings"]
    assert host.prefix.env_file.stat().st_mode & 0o777 == 0o600
    assert host.prefix.env_file.read_text() == "TINY_API_KEY=secret\n"


def test_what_a_crash_left_is_undone(host):
    unfinished = host.prefix.new_release(1, "f" * 64)
    unfinished.path.mkdir()
    (unfinished.path / "half").write_text("x")
    journal.write(host.prefix, journal.Entry("install", unfinished.id, host.release.id))
    (host.prefix.root / ".current.7.tmp").symlink_to("x")
    done = host.recover()
    assert [remedy.id for remedy in done.plan.remedies] == ["clean-up"]
    assert not unfinished.path.exists()
    whole(host)


def test_a_damaged_journal_is_made_whole(host):
    (host.prefix.state / "journal.json").write_text("{")
    host.recover()
    whole(host)


def test_a_crash_after_the_switch_still_removes_the_damaged_release(host, monkeypatch):
    delete(host.site / "tiny_lib" / "more.py")
    damaged = host.release

    def crash(release):
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(retention, "discard", crash)
        patched.setattr(transaction, "undo", lambda prefix, entry: None)
        with pytest.raises(SystemExit):
            host.recover()
    assert damaged.is_complete
    transaction.recover_crash(host.prefix)
    assert not damaged.path.exists()
    whole(host)


def test_everything_at_once(host, installed):
    delete(host.site / "tiny_lib" / "more.py")
    flip(host.site / "tiny_text" / "__init__.py")
    truncate(host.release.app / "src" / "helper.py")
    delete(host.release.venv / "pyvenv.cfg")
    delete(host.release.models / "tiny" / "config.json")
    delete(host.prefix.bin / "tiny")
    host.prefix.env_file.chmod(0o666)
    break_current(host, "dangling")
    notes = host.prefix.data / "data" / "notes.txt"
    notes.write_text("mine\n")
    done = host.recover()
    assert [remedy.id for remedy in done.plan.remedies] == [
        "current",
        "settings",
        "launchers",
        "models",
        "packages",
        "files",
        "environment",
    ]
    assert installed == [["tiny-lib", "tiny-text"]]
    assert notes.read_text() == "mine\n"
    whole(host)


def fail(self, python, pylock):
    raise ToolError("uv broke.")


def test_a_failure_leaves_everything_as_it_was(host, monkeypatch):
    delete(host.site / "tiny_lib" / "more.py")
    damaged, before = host.release, sorted(host.prefix.store.rglob("*"))
    monkeypatch.setattr(Uv, "sync", fail)
    with pytest.raises(InstallError) as error:
        host.recover()
    assert damaged.id in error.value.advice
    assert host.release == damaged
    assert [path.name for path in host.prefix.releases.iterdir()] == [damaged.id]
    assert sorted(host.prefix.store.rglob("*")) == before
    assert journal.read(host.prefix) is None
    assert '"failed"' in audit_log.log_file(host.prefix).read_text().splitlines()[-1]


def test_where_the_small_remedy_fails_the_environment_is_rebuilt(host, installed, monkeypatch):
    from recovery.repair.takeover import take_over

    def late(items, damaged, release, digests):
        flip(damaged.path / items[0].path)
        take_over(items, damaged, release, digests)

    delete(host.site / "tiny_lib" / "more.py")
    monkeypatch.setattr(replacement, "take_over", late)
    host.recover()
    assert [len(names) for names in installed] == [1, 4]
    whole(host)


def test_a_refused_plan_changes_nothing(host):
    from recovery.recover import recover
    from shared.terminal.progress import NoProgress

    delete(host.site / "tiny_lib" / "more.py")
    before = sorted(host.prefix.root.rglob("*"))
    assert not recover(host.prefix, lambda plan: False, NoProgress()).applied
    assert sorted(host.prefix.root.rglob("*")) == before


def test_another_run_is_waited_for_or_named(host):
    with locked(host.prefix.state / "lock"), pytest.raises(BusyError):
        host.recover()


def test_files_added_to_the_application_are_kept_in_the_backup(host):
    (host.release.app / "mine.txt").write_text("mine")
    release = host.release
    done = host.recover()
    assert not (host.release.app / "mine.txt").exists()
    assert (done.backup / "files" / "releases" / release.id / "app" / "mine.txt").read_text() == "mine"


def test_what_is_not_ours_stays_where_it_is(host):
    theirs = [host.prefix.root / "notes", host.prefix.bin / "python3", host.prefix.state / "notes"]
    theirs += [host.prefix.store / "ab" / "file.whl"]
    theirs[-1].parent.mkdir(exist_ok=True)
    for path in theirs:
        path.write_text("mine")
    delete(host.site / "tiny_lib" / "more.py")
    assert host.recover().applied
    assert [path.read_text() for path in theirs] == ["mine"] * len(theirs)


def test_scanners_whose_wheel_is_lost_are_taken_over_and_still_run(tmp_path):
    wheel = Wheel("my-tool", "1.0", {"my_tool.py": "print('scanned')\n"})
    prefix = make_prefix(tmp_path, verification={f"tools/{wheel.filename}": wheel.build()})
    former = prefix.active()
    (entry,) = tools_environment.entries_of(former.manifest())
    delete(Store(prefix.store).path(entry.sha256))
    (package,) = former.venv.rglob("demo_base.py")
    flip(package)
    done = recover(prefix, lambda plan: True, NoProgress())
    assert done.applied
    active = prefix.active()
    assert active != former
    ran = process.run([str(tools_environment.python_of(active)), "-m", "my_tool"], timeout=60)
    assert (ran.returncode, ran.stdout) == (0, "scanned\n")
    assert receipt.compare(active, receipt.read_receipt(active)) == []
    sealed = {item.path for item in receipt.read_receipt(active).items}
    assert f"{tools_environment.FOLDER}/pyvenv.cfg" in sealed


@pytest.mark.parametrize("is_damaged", [False, True])
def test_scanners_are_made_anew_only_where_theirs_are_damaged(tmp_path, is_damaged):
    wheel = Wheel("my-tool", "1.0", {"my_tool.py": "print('scanned')\n"})
    prefix = make_prefix(tmp_path, verification={f"tools/{wheel.filename}": wheel.build()})
    former = prefix.active()
    (scanner,) = tools_environment.root_of(former).rglob("my_tool.py")
    inode = scanner.stat().st_ino
    (package,) = former.venv.rglob("demo_base.py")
    for damaged in (package, scanner) if is_damaged else (package,):
        flip(damaged)
    assert recover(prefix, lambda plan: True, NoProgress()).applied
    active = prefix.active()
    (made,) = tools_environment.root_of(active).rglob("my_tool.py")
    assert (made.stat().st_ino == inode) is not is_damaged
    assert made.read_text() == "print('scanned')\n"
    assert receipt.compare(active, receipt.read_receipt(active)) == []

"""The ladder, rung by rung; among them the set of other versions that nobody signed."""

from __future__ import annotations

import json
import shutil

import pytest

from bootstrap import api, cli
from installer.layout import proofs
from installer.release import receipt
from recovery.inspection.inspection import inspect
from recovery.planning.other_versions import resolve
from shared.errors import HostError
from tests.recovery.damaging import delete, flip, whole
from tests.tiny import EMBEDDING, WHEEL_FILES, install_tiny, tiny_bundle

NEW_TEXT = {"tiny-text": ("0.4.0", {"tiny_text/__init__.py": "def words(text):\n    return [text]\n"})}


@pytest.fixture
def upgraded(host, tiny, tmp_path):
    """The next release has another tiny-text."""
    return upgrade(host, tiny, tmp_path)


def upgrade(host, tiny, tmp_path, **options):
    counter, key = tiny.manifest.product.counter + 1, tiny.key.with_suffix("")
    options = {"packages": NEW_TEXT, **options}
    made = tiny_bundle(tmp_path / "upgrade", counter=counter, version="1.1.0", key=key, **options)
    install_tiny(made, host.prefix.root)
    return made


def lose(host, made, package):
    """Damage an installed package, and its kept wheel."""
    flip(next(host.site.glob(f"{package.replace('-', '_')}/__init__.py")))
    (wheel,) = [item.wheel for item in made.manifest.packages if item.name == package]
    entry = made.manifest.entry(wheel)
    delete(host.prefix.store / entry.sha256[:2] / entry.sha256)


def remedies(plan):
    return [remedy.id for remedy in plan.remedies]


def versions(host):
    return {path.name.partition(".dist-info")[0] for path in host.site.glob("*.dist-info")}


def test_another_version_takes_the_place_of_a_lost_wheel(host, upgraded, installed):
    lose(host, upgraded, "tiny-text")
    damaged = host.release
    done = host.recover(allow_unlocked=True)
    assert remedies(done.plan) == ["resolve"]
    assert done.plan.replacing[0].names == ("tiny-text 0.3.0",)
    assert upgraded.manifest.folder in done.plan.unmet
    assert not damaged.path.exists()
    assert host.release.counter == upgraded.manifest.product.counter
    assert versions(host) == {"tiny_lib-1.0.0", "tiny_math-2.1.0", "tiny_text-0.3.0", "tiny_unused-0.1.0"}
    assert [len(names) for names in installed] == [4]
    assert host.answer() == list(EMBEDDING)
    sealed = receipt.read_receipt(host.release)
    assert not sealed.locked
    assert receipt.compare(host.release, sealed) == []


def test_validate_says_so_as_long_as_it_is_active(host, upgraded, capsys):
    lose(host, upgraded, "tiny-text")
    assert cli.main(["recover", "--allow-unlocked", "--yes", "--json", "--prefix", str(host.prefix.root)]) == 1
    reported = json.loads(capsys.readouterr().out)
    assert {result["id"]: result["status"] for result in reported["results"]}["security.integrity"] == "WARN"
    assert upgraded.manifest.folder in reported["plan"]["unmet"]
    report = api.validate(host.prefix.root, categories=["Packages", "Security"])
    found = {result.id: result.status for result in report.results}
    assert (found["security.integrity"], found["packages.versions"]) == ("WARN", "WARN")
    assert "FAIL" not in found.values()


def test_with_the_bundle_at_hand_the_lock_comes_back(host, upgraded):
    lose(host, upgraded, "tiny-text")
    host.recover(allow_unlocked=True)
    with pytest.raises(HostError, match="cannot be repaired with the files on this host"):
        host.recover()
    done = host.recover(bundle=upgraded.open())
    assert remedies(done.plan) == ["store-fill", "rebuild"]
    assert "tiny_text-0.4.0" in versions(host)
    assert receipt.read_receipt(host.release).locked
    whole(host)


def test_damage_to_an_unsigned_set_is_resolved_again(host, upgraded):
    lose(host, upgraded, "tiny-text")
    host.recover(allow_unlocked=True)
    flip(host.site / "tiny_math" / "text.py")
    done = host.recover(allow_unlocked=True)
    assert remedies(done.plan) == ["resolve"]
    assert not receipt.read_receipt(host.release).locked
    assert host.answer() == list(EMBEDDING)


def test_what_is_pinned_gives_way_only_when_nothing_else_fits(host, tiny, tmp_path):
    newer_lib = {"tiny-lib": ("1.1.0", WHEEL_FILES["tiny-lib"][1])}
    packages = {**NEW_TEXT, **newer_lib, "tiny-math": ("2.2.0", WHEEL_FILES["tiny-math"][1])}
    made = upgrade(host, tiny, tmp_path, packages=packages, requires={"tiny-lib": ("tiny-text>=0.4",)})
    lose(host, made, "tiny-text")
    done = host.recover(allow_unlocked=True)
    # tiny-lib 1.1.0 wants the tiny-text that is lost, so it goes back too; what fits stays the newest
    assert done.plan.replacing[0].names == ("tiny-lib 1.0.0", "tiny-text 0.3.0")
    assert versions(host) == {"tiny_lib-1.0.0", "tiny_math-2.2.0", "tiny_text-0.3.0", "tiny_unused-0.1.0"}


def test_what_the_lock_says_stays_though_a_newer_version_is_kept(host, tiny, tmp_path):
    older = {"tiny-unused": ("0.0.9", WHEEL_FILES["tiny-unused"][1])}
    made = upgrade(host, tiny, tmp_path, packages={**NEW_TEXT, **older})
    lose(host, made, "tiny-text")
    assert host.plan(allow_unlocked=True).replacing[0].names == ("tiny-text 0.3.0",)


def test_nobody_allowed_it_so_the_former_release_comes_back(host, upgraded, tiny):
    lose(host, upgraded, "tiny-text")
    done = host.recover()
    assert remedies(done.plan) == ["rollback"]
    assert host.release.counter == tiny.manifest.product.counter
    whole(host)


def test_where_no_version_is_kept_it_says_what_to_bring(host, tiny):
    lose(host, tiny, "tiny-text")
    with pytest.raises(HostError) as error:
        host.recover(allow_unlocked=True)
    assert tiny.manifest.folder in error.value.advice


def test_without_the_option_it_is_named(host, tiny):
    lose(host, tiny, "tiny-text")
    with pytest.raises(HostError) as error:
        host.recover()
    assert "--allow-unlocked" in error.value.advice


def test_versions_that_do_not_go_together_are_no_way(host, tiny, tmp_path):
    made = upgrade(
        host,
        tiny,
        tmp_path,
        requires={"tiny-math": ("tiny-text>=0.4",)},
        packages={**NEW_TEXT, "tiny-math": ("2.2.0", WHEEL_FILES["tiny-math"][1])},
    )
    lose(host, made, "tiny-text")
    previous = next(release for release in host.prefix.complete_releases() if release.id != host.release.id)
    entry = tiny.manifest.entry(next(item.wheel for item in tiny.manifest.packages if item.name == "tiny-math"))
    delete(host.prefix.store / entry.sha256[:2] / entry.sha256)
    flip(previous.app / "app.py")
    with pytest.raises(HostError):
        host.recover(allow_unlocked=True)


def test_a_lost_source_file_is_nothing_that_versions_mend(host, upgraded):
    lose(host, upgraded, "tiny-text")
    entry = upgraded.manifest.entry("03_Source/app.py")
    delete(host.prefix.store / entry.sha256[:2] / entry.sha256)
    delete(host.release.app / "app.py")
    assert remedies(host.plan(allow_unlocked=True)) == ["store-heal", "resolve"]  # the former release has it too
    for release in host.prefix.complete_releases():
        flip(release.app / "app.py") if release.id != host.release.id else None
    assert "resolve" not in remedies(host.plan(allow_unlocked=True))


def test_a_wheel_of_a_release_that_nobody_proves_is_not_taken(host, upgraded):
    lose(host, upgraded, "tiny-text")
    previous = next(release for release in host.prefix.complete_releases() if release.id != host.release.id)
    flip(previous.receipt_file)
    assert remedies(host.plan(allow_unlocked=True)) != ["resolve"]


def test_every_rung_in_its_order(host, upgraded):
    """One release, hurt more and more: each time the next rung is the one that is reached."""
    flip(host.site / "tiny_lib" / "more.py")
    assert remedies(host.plan(allow_unlocked=True)) == ["packages"]

    mark = host.release.complete_file.read_bytes()
    host.release.complete_file.chmod(0o644)
    host.release.complete_file.write_bytes(b"x")
    (host.prefix.state / "audit" / "audit.jsonl").rename(host.prefix.root / "kept.jsonl")
    assert remedies(host.plan(policy=upgraded.policy, allow_unlocked=True)) == ["places", "rebuild"]
    host.release.complete_file.write_bytes(mark)
    host.release.complete_file.chmod(0o444)
    (host.prefix.root / "kept.jsonl").rename(host.prefix.state / "audit" / "audit.jsonl")

    lose(host, upgraded, "tiny-text")
    assert remedies(host.plan(allow_unlocked=True)) == ["resolve"]

    assert remedies(host.plan()) == ["rollback"]
    # the bundle brings back what is lost, so nothing but the package is made anew
    assert remedies(host.plan(bundle=upgraded.open())) == ["store-fill", "packages"]

    flip(host.release.bundle / "MANIFEST.json")
    shutil.rmtree(proofs.folder(host.prefix))
    assert remedies(host.plan(bundle=upgraded.open(), allow_unlocked=True)) == ["rollback"]

    for release in host.prefix.complete_releases():
        if release.id != host.release.id:
            flip(release.app / "app.py")
    assert remedies(host.plan(bundle=upgraded.open(), allow_unlocked=True)) == ["reinstall"]

    plan = host.plan(allow_unlocked=True)
    assert plan.replacing == ()
    assert "Transfer the bundle" in plan.unmet


def test_a_healthy_release_resolves_to_itself(host):
    inspection = inspect(host.prefix)
    assert resolve(inspection) == inspection.proof.manifest

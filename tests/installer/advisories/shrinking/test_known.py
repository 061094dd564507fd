"""What one prefix learns, every prefix of the product on this host judges by, and no removal makes it forget."""

from __future__ import annotations

import pytest

from bootstrap import api
from installer.advisories import retained_list, stored
from installer.release.installation import active
from installer.trust import memory
from shared.errors import TrustError
from shared.files import files
from tests.installed import make_prefix
from tests.installer.advisories.conftest import Site
from tests.installer.advisories.shrinking.attacker import (
    FULL,
    Attacker,
    forget,
    listed,
    shelf,
    stored_snapshot,
    without,
)
from tests.keys import SoftKey


@pytest.fixture
def second(tmp_path, attacker, brought):
    """Return an attacker of another prefix on the same host, whose release has the old snapshot."""
    (tmp_path / "second").mkdir()
    return beside(tmp_path / "second", attacker, {"advisories/advisories.zip": brought})


def beside(folder, attacker: Attacker, verification) -> Attacker:
    site = Site(active(make_prefix(folder, verification=verification)), attacker.site.trust_stores)
    found = Attacker(folder, site)
    found.day = attacker.day
    return found


def as_before(attacker: Attacker) -> None:
    """Make the host one of an earlier version: the files are in the prefix, and the memory has only numbers."""
    files.remove_tree(shelf(attacker))
    host = attacker.site.trust_stores.host
    former = {name: one for name, one in memory.read_folder(host).memory.products.items() if len(name) < 64}
    for name in memory.NAMES:
        (host / name).unlink()
    memory.accept(host, former)


def found(attacker: Attacker) -> set[str]:
    return {one.package for one in attacker.scan().assessment.findings}


def test_a_second_prefix_judges_by_what_the_first_learnt(attacker, second):
    assert found(second) == {"demo-lib", "demo-base"}
    with pytest.raises(TrustError, match="lacks advisories of earlier ones"):
        second.offer(*without("TEST-1"))


def test_a_prefix_without_a_snapshot_of_its_own(tmp_path, attacker):
    (tmp_path / "third").mkdir()
    assert found(beside(tmp_path / "third", attacker, {})) == {"demo-lib", "demo-base"}


def test_what_the_second_adopts_counts_in_the_first(attacker, second):
    attacker.install("later", "1.0")
    second.offer(*without("TEST-8"))  # which the second has not installed
    assert "later" in found(attacker)
    second.install("later", "1.0")
    assert "later" in found(second)
    attacker.day = second.day
    attacker.offer(*without("TEST-8"))
    assert "later" in found(attacker)


def test_a_prefix_that_was_removed_and_made_again(tmp_path, attacker, second):
    attacker.offer(*without("TEST-8"))
    forget(attacker)
    second.day = attacker.day
    second.install("later", "1.0")
    assert "later" in found(second)
    second.offer(*without("TEST-8"))
    assert "later" in found(second)


def test_a_list_that_is_gone(attacker):
    attacker.offer(*without("TEST-8"))
    attacker.install("later", "1.0")
    listed(attacker).unlink()
    assert "later" in found(attacker)  # the prefix has a copy
    stored.mirror(attacker.site.installation.prefix).unlink()
    with pytest.raises(TrustError, match="the list of advisories of earlier"):
        attacker.scan()


def test_a_list_that_became_a_folder_in_the_prefix(attacker):
    attacker.offer(*without("TEST-8"))
    attacker.install("later", "1.0")
    mirror = stored.mirror(attacker.site.installation.prefix)
    mirror.unlink()
    mirror.mkdir()
    assert "later" in found(attacker)


def test_a_lost_memory_leaves_what_the_folder_has(attacker):
    attacker.offer(*without("TEST-8"))
    attacker.install("later", "1.0")
    for name in memory.NAMES:
        (attacker.site.trust_stores.host / name).unlink()
    forget(attacker)
    assert "later" in found(attacker)


def test_a_host_before_this_version_is_migrated_at_its_first_change(attacker):
    attacker.offer(*without("TEST-8"))
    attacker.install("later", "1.0")
    as_before(attacker)
    stores = attacker.site.trust_stores
    assert "later" in found(attacker)
    assert not shelf(attacker).exists()  # reading writes nothing
    assert retained_list.settle(attacker.site.installation.prefix, stores) is None
    forget(attacker)
    assert "later" in found(attacker)


@pytest.mark.parametrize("purge", [False, True])
def test_an_uninstallation_records_first_what_the_prefix_knows(attacker, second, purge):
    attacker.offer(*without("TEST-8"))
    as_before(attacker)
    second.day = attacker.day
    second.install("later", "1.0")
    with pytest.raises(TrustError, match="This host has accepted advisories with sequence number"):
        second.scan()
    api.uninstall(attacker.site.installation.prefix.root, purge=purge)
    assert "later" in found(second)


def test_nothing_is_written_twice(attacker):
    before = sorted(shelf(attacker).iterdir())
    assert retained_list.settle(attacker.site.installation.prefix, attacker.site.trust_stores) is None
    assert sorted(shelf(attacker).iterdir()) == before
    assert [path.suffix for path in before] == [".sig", ".zip"]


def test_a_truncated_update_does_not_make_the_host_forget(attacker):
    path = stored.folder_of(attacker.site.installation.prefix) / "advisories.zip"
    path.write_bytes(stored_snapshot(attacker)[:100])
    with pytest.raises(TrustError, match="differs from"):
        attacker.scan()
    with pytest.raises(TrustError, match="lacks advisories of earlier ones"):
        attacker.offer(*without("TEST-1"))


def test_a_copy_of_the_host_whose_signer_is_no_longer_trusted(attacker, second):
    from tests.advisories import trusting
    from tests.policies import lay

    host = attacker.site.trust_stores.host
    for path in host.glob("policy*"):
        path.unlink()
    policy, owner = trusting(SoftKey("ssh-ed25519"))
    lay(host, policy, owner)
    with pytest.raises(TrustError):
        second.scan()


def test_a_number_that_would_shut_out_all_later_ones_where_there_is_nothing(tmp_path, attacker):
    (tmp_path / "fourth").mkdir()
    other = beside(tmp_path / "fourth", attacker, {})
    forget(attacker)
    files.remove_tree(attacker.site.trust_stores.host / "advisories")
    for name in memory.NAMES:
        (attacker.site.trust_stores.host / name).unlink()
    with pytest.raises(TrustError, match="far above"):
        other.offer(*FULL, sequence=2**50)

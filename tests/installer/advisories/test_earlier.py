"""Whoever holds the key of advisories alone never makes a host say PASS about what a full snapshot hits."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Callable

import pytest

from bundle.advisories.exceptions import Acceptance, Exceptions, Exemption, Removal
from bundle.advisories.index import Index
from bundle.advisories.matcher import Installed, scan
from bundle.advisories.retained import entries
from bundle.advisories.snapshot import read_snapshot
from bundle.digest import sha256_bytes
from bundle.signing.policy import NAMESPACES
from bundle.signing.signature import ED25519
from bundle.strict import dumps
from installer.advisories import earlier, stored
from installer.advisories.scan import scan_installed
from installer.advisories.update import UpdateOptions, update
from installer.layout.prefix import Prefix
from installer.release.installation import Installation, active
from shared.errors import TrustError
from tests.advisories import HIGH, below, dated, record, sign_beside, snapshot_bytes
from tests.installed import PRODUCT, install_made
from tests.installed import Installation as Made
from tests.installer.advisories.conftest import APPROVER, KEY, MADE
from tests.keys import SoftKey
from tests.validator.checking import site_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from installer.advisories.scan import InstalledScan

DAYS = timedelta(days=1)
# what the application has installed: demo-lib 1.2.0 and demo-base 2.0.1
HIT = record("TEST-1", "demo-lib", *below("1.3"), vector=HIGH, aliases=("CVE-2026-0001",))
UNSCORED = record("TEST-9", "demo-base", *below("3.0"), aliases=("CVE-2026-0009",))
LATER = record("TEST-8", "later", *below("2.0"), vector=HIGH, aliases=("CVE-2026-0008",))
MANY = tuple(record(f"MANY-{number:03}", f"many-{number:03}", *below("1.0"), vector=HIGH) for number in range(100))
NOTHING = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N"


BROUGHT = record("OLD-1", "old", *below("1.0"))
FULL = (BROUGHT, HIT, UNSCORED, LATER, *MANY)
_brought: list[bytes] = []


@pytest.fixture
def brought(tmp_path) -> bytes:
    """Return a snapshot with little in it, so that what the tests find is not known by the release."""
    if not _brought:
        _brought.append(snapshot_bytes(tmp_path, dated(MADE - timedelta(hours=1), (BROUGHT,)), now=MADE))
    return _brought[0]


class Attacker:
    """Signs snapshots for a host with the key of advisories, one a day, and lets the host adopt them."""

    def __init__(self, folder: Any, site: Any) -> None:
        self.folder, self.site, self.day = folder, site, 0

    def snapshot(self, *records: dict[str, Any], **more: Any) -> bytes:
        self.day += 1
        moment = MADE + self.day * DAYS
        return snapshot_bytes(self.folder, dated(moment - timedelta(hours=1), records), now=moment, **more)

    @property
    def now(self):
        return MADE + self.day * DAYS + timedelta(hours=1)

    def adopt(self, data: bytes, key: Any = KEY, role: str = "advisories", **options: Any) -> Any:
        for old in self.folder.glob("offered*"):
            old.unlink()
        path = sign_beside(self.folder / "offered", data, NAMESPACES[role], key)
        return update(path, self.site.installation, self.site.trust_stores, UpdateOptions(now=self.now, **options))

    def offer(self, *records: dict[str, Any], **more: Any) -> Any:
        return self.adopt(self.snapshot(*records, **more))

    def approve(self, **parts: Any) -> Any:
        return self.adopt(Exceptions(**{"exceptions": (), **parts}).to_bytes(), APPROVER, "exceptions")

    def scan(self) -> InstalledScan:
        return scan_installed(*self.site, now=self.now)

    def install(self, name: str, version: str) -> None:
        folder = site_of(self.site.installation.prefix)
        folder.chmod(0o755)
        info = folder / f"{name}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").touch()

    def uninstall(self, name: str) -> None:
        folder = site_of(self.site.installation.prefix)
        folder.chmod(0o755)
        for info in folder.glob(f"{name}-*.dist-info"):
            info.rename(folder / f"{name}.gone")


@pytest.fixture
def attacker(tmp_path, site) -> Attacker:
    """Return an attacker of a host that has accepted one full snapshot."""
    found = Attacker(tmp_path, site)
    found.offer(*FULL)
    return found


def without(*identifiers: str) -> tuple[dict[str, Any], ...]:
    return tuple(one for one in FULL if one["id"] not in identifiers)


def instead(one: dict[str, Any], *others: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    return (*without(one["id"]), *others)


def test_more_than_honest_exports_lose_is_refused(attacker):
    attacker.uninstall("demo_lib")
    attacker.uninstall("demo_base")
    with pytest.raises(TrustError, match=r"lost more than 5% of the advisories \(6 of 10\d\)") as refused:
        attacker.offer(*without(*(f"MANY-{number:03}" for number in range(6))))
    assert "6 packages have lost all of their advisories: many-000, many-001" in refused.value.what
    assert "SHA-256" in refused.value.advice


@pytest.mark.parametrize("records", [(), MANY, (UNSCORED,), (LATER,)], ids=["none", "others", "one", "one package"])
def test_what_hits_an_installed_package_is_not_lost(attacker, records):
    with pytest.raises(TrustError, match=r"hit installed packages: .*demo-lib 1\.2\.0 .TEST-1"):
        attacker.offer(*(records or (record("NEW-1", "new", *below("2.0")),)))
    assert attacker.scan().snapshot.header.counts["live"] == len(FULL)


LESSENED: dict[str, tuple[dict[str, Any], ...]] = {
    "withdrawn": ({**HIT, "withdrawn": "2026-05-01T00:00:00Z"},),
    "no versions": ({**HIT, "affected": [{"package": {"ecosystem": "PyPI", "name": "demo-lib"}, "versions": ["9"]}]},),
    "narrower": (record("TEST-1", "demo-lib", *below("1.2.0"), vector=HIGH),),
    "narrower from below": (record("TEST-1", "demo-lib", {"introduced": "1.2.1"}, {"fixed": "1.3"}, vector=HIGH),),
    "other bounds": (record("TEST-1", "demo-lib", {"introduced": "0"}, {"fixed": "1.2.0.dev1"}, vector=HIGH),),
    "two ranges with a gap": (
        record("TEST-1", "demo-lib", *below("1.2"), {"introduced": "1.2.0.post1"}, {"fixed": "1.3"}, vector=HIGH),
    ),
    "possible": (record("TEST-1", "demo-lib", *below("1.0"), {"fixed": "1.3"}, vector=HIGH),),
    "undecided": (record("TEST-1", "demo-lib", {"introduced": "0"}, {"fixed": "2018-04-22b"}, vector=HIGH),),
    "no score": (record("TEST-1", "demo-lib", *below("1.3")),),
    "score of nothing": (record("TEST-1", "demo-lib", *below("1.3"), vector=NOTHING),),
    "another id": (record("OTHER-1", "demo-lib", *below("1.3"), vector=NOTHING, aliases=("TEST-1",)),),
    "another package beside it": (
        record("TEST-1", "demo-lib2", *below("1.3"), vector=HIGH),
        record("OTHER-1", "demo-lib", *below("1.3"), vector=NOTHING, aliases=("CVE-2026-0001",)),
    ),
}


@pytest.mark.parametrize("records", LESSENED.values(), ids=LESSENED)
def test_what_is_lessened_goes_on_counting(attacker, records):
    attacker.uninstall("demo_base")
    try:
        attacker.offer(*instead(HIT, *records))
    except TrustError as refused:
        assert "demo-lib" in refused.what  # noqa: PT017
    found = attacker.scan().assessment
    (finding,) = (one for one in found.findings if one.id == "TEST-1")
    assert (finding.package, finding.severity) == ("demo-lib", "high")
    assert found.findings_status == "FAIL"


@pytest.mark.parametrize(
    "records",
    [
        (record("TEST-9", "demo-base", *below("3.0"), vector=NOTHING),),
        (UNSCORED, record("CVE-2026-0009", "demo-base", *below("3.0"), vector=NOTHING)),
        (
            UNSCORED,
            record("CVE-2026-0009", "demo-base", *below("3.0"), vector=NOTHING),
            record("CVE-2026-0009", "demo-base", {"introduced": "99"}, vector=HIGH, aliases=("TEST-9",)),
        ),
        ({**UNSCORED, "withdrawn": "2026-05-01T00:00:00Z"},),
    ],
    ids=["a score of nothing", "a twin with a score of nothing", "and one of other versions", "withdrawn"],
)
def test_what_had_no_score_is_not_made_harmless(attacker, records):
    attacker.uninstall("demo_lib")
    attacker.offer(*instead(UNSCORED, *records[:2]))
    found = attacker.scan().assessment
    assert [(one.id, one.severity) for one in found.findings if one.severity != "none"] == [("TEST-9", "unknown")]
    assert found.findings_status == "WARN"


def test_a_package_that_is_installed_later(attacker):
    """Nothing that hits what is installed is lost: only the memory of it helps later."""
    warned = attacker.offer(*without("TEST-8")).warnings
    assert warned == (
        "1 package has lost all of its advisories: later",
        "1 advisory of earlier snapshots is no longer as it was, and goes on counting on this host",
    )
    attacker.offer(*without("TEST-8"))  # nor does it vanish with the next one
    attacker.install("later", "1.0")
    (finding,) = (one for one in attacker.scan().assessment.findings if one.package == "later")
    assert finding.gone is not None
    assert finding.gone.described() == f"no longer listed since sequence {finding.gone.since}"
    assert finding.gone.last < finding.gone.since


def test_step_by_step(attacker):
    """Updates that lose less than the limit each."""
    left = list(FULL)
    while len(left) > 25:
        few = len(left) // 20
        lost = [one for one in left if one["id"].startswith("MANY")][:few]
        left = [one for one in left if one not in lost]
        attacker.offer(*left)
    for number in (0, 50, 70):
        attacker.install(f"many_{number:03}", "0.5")
    found = attacker.scan().assessment
    assert {f"many-{number:03}" for number in (0, 50, 70)} <= {one.package for one in found.findings}


EXCEPTION = Exemption(
    *("CVE-2026-0009", "demo-base", "==2.0.1", "vulnerable_code_not_present", "never", "kim"),
    approved=MADE,
    expires=MADE + 90 * DAYS,
)
FURTHER = record("TEST-2", "demo-base", *below("3.0"), vector=HIGH, aliases=("CVE-2026-0002",))


@pytest.mark.parametrize(
    "records",
    [
        (UNSCORED, {**FURTHER, "aliases": ["CVE-2026-0002", "CVE-2026-0009"]}),
        (UNSCORED, FURTHER, record("ZZZ-1", "demo-base", *below("9.0"), aliases=("CVE-2026-0002", "CVE-2026-0009"))),
        ({**UNSCORED, "aliases": ["CVE-2026-0009", "TEST-2"]}, FURTHER),
        (record("CVE-2026-0009", "demo-base", *below("3.0"), vector=HIGH, aliases=("TEST-2",)),),
    ],
    ids=["one more alias", "a bridge", "from the other side", "the same under the excepted id"],
)
def test_an_exception_is_not_stretched(attacker, records):
    """An exception for one vulnerability does not cover another one by identifiers that were added."""
    attacker.uninstall("demo_lib")
    attacker.offer(*FULL, FURTHER)
    attacker.approve(sequence=1, exceptions=(EXCEPTION,))
    assert attacker.scan().assessment.findings_status == "FAIL"
    try:
        attacker.offer(*without("TEST-9"), *records)
    except TrustError as refused:
        assert "TEST-2" in refused.what  # noqa: PT017
    found = attacker.scan().assessment
    assert [one.ids[0] for one in found.findings] == ["TEST-2"]
    assert found.findings_status == "FAIL"


def test_a_bridge_that_was_there_for_other_versions(attacker):
    """Advisories that share identifiers through a third one, which then affects more versions."""
    attacker.uninstall("demo_lib")
    bridge = ("CVE-2026-0002", "CVE-2026-0009")
    before = record("ZZZ-1", "demo-base", {"introduced": "7"}, {"fixed": "8"}, aliases=bridge)
    attacker.offer(*FULL, FURTHER, before)
    attacker.approve(sequence=1, exceptions=(EXCEPTION,))
    assert attacker.scan().assessment.findings_status == "FAIL"
    attacker.offer(*FULL, FURTHER, record("ZZZ-1", "demo-base", *below("8"), aliases=bridge))
    found = attacker.scan().assessment
    assert [one.id for one in found.findings] == ["TEST-2"]


@pytest.mark.parametrize("sequence", [2**53, 2**53 - 1, 4_000_000_000])
def test_a_sequence_that_would_shut_out_later_ones(attacker, sequence):
    with pytest.raises(TrustError, match="is far above"):
        attacker.offer(*FULL, sequence=sequence)


def test_the_list_is_full(attacker, monkeypatch):
    monkeypatch.setattr(entries, "ENTRIES_LIMIT", 2)
    attacker.offer(*without("MANY-001"))
    before = attacker.scan().snapshot
    with pytest.raises(TrustError, match="Too many advisories of earlier snapshots"):
        attacker.offer(*without("MANY-001", "MANY-002", "MANY-003"))
    assert attacker.scan().snapshot == before


def altered(data: bytes, old: bytes, new: bytes) -> bytes:
    """Return a snapshot with an altered index, as no builder would write it."""
    stream, source = io.BytesIO(), zipfile.ZipFile(io.BytesIO(data))
    index, header = source.read("index.jsonl").replace(old, new), json.loads(source.read("snapshot.json"))
    for one in header["files"]:
        if one["name"] == "index.jsonl":
            one.update(size=len(index), sha256=sha256_bytes(index))
    with zipfile.ZipFile(stream, "w") as archive:
        for name in source.namelist():
            changed = {"index.jsonl": index, "snapshot.json": dumps(header)}
            archive.writestr(name, changed.get(name) or source.read(name))
    return stream.getvalue()


def test_a_malformed_line_is_refused(attacker):
    data = altered(attacker.snapshot(*FULL), b'["later",[{', b'["later",[{"odd":1,')
    with pytest.raises(TrustError, match="unknown key"):
        attacker.adopt(data)


def test_a_record_that_is_set_aside_is_not_lost(attacker):
    """Its packages are undecided, and what it was goes on counting."""
    attacker.offer(*instead(HIT, {**HIT, "affected": [{**HIT["affected"][0], "ranges": [{"type": 1}]}]}))
    assert attacker.scan().snapshot.header.set_aside
    assert "TEST-1" in {one.id for one in attacker.scan().assessment.findings}


def test_a_future_date_never_passes(attacker):
    data = attacker.snapshot(*without("TEST-8"))
    attacker.day -= 20
    with pytest.raises(TrustError, match="clock says"):
        attacker.adopt(data)
    attacker.adopt(data, accept_clock=True)
    assert attacker.scan().assessment.age == "future"
    assert attacker.scan().assessment.status != "PASS"


def removal(identifier: str, sequence: int, **changes: Any) -> Removal:
    one = Removal(identifier, "later", sequence, "it was never vulnerable", "kim", MADE, None)
    return replace(one, **changes)


@pytest.fixture
def lost(attacker) -> Attacker:
    """Return an attacker of a host that has a package which a lost advisory hits."""
    attacker.uninstall("demo_lib")
    attacker.uninstall("demo_base")
    attacker.offer(*without("TEST-8"))
    attacker.install("later", "1.0")
    assert attacker.scan().assessment.findings_status == "FAIL"
    return attacker


def test_a_signed_reason_removes_it(lost):
    last = lost.scan().assessment.findings[0].gone.last
    lost.approve(sequence=1, removals=(removal("TEST-8", last),))
    found = lost.scan().assessment
    assert found.status == "PASS"
    ((finding, reason),) = found.removed
    assert (finding.id, reason.approver) == ("TEST-8", "kim")
    assert found.to_json()["removed"][0]["removal"]["statement"] == "it was never vulnerable"


@pytest.mark.parametrize(
    "changes",
    [
        {"sequence": 5},
        {"package": "other"},
        {"identifier": "TEST-7"},
        {"approved": MADE - 20 * DAYS, "expires": MADE - 10 * DAYS},
    ],
    ids=["of an earlier loss", "another package", "another id", "expired"],
)
def test_a_reason_for_something_else_removes_nothing(lost, changes):
    last = lost.scan().assessment.findings[0].gone.last
    given = {"identifier": "TEST-8", "sequence": last, **changes}
    lost.approve(sequence=1, removals=(removal(given.pop("identifier"), given.pop("sequence"), **given),))
    assert lost.scan().assessment.findings_status == "FAIL"


def test_an_advisory_that_returns_and_is_lost_again_needs_a_new_reason(lost):
    last = lost.scan().assessment.findings[0].gone.last
    lost.approve(sequence=1, removals=(removal("TEST-8", last, package="*"),))
    assert lost.scan().assessment.findings_status == "PASS"
    lost.offer(*FULL)
    assert lost.scan().assessment.findings_status == "FAIL"
    lost.uninstall("later")
    lost.offer(*without("TEST-8"))
    site_of(lost.site.installation.prefix).joinpath("later.gone").rename(
        site_of(lost.site.installation.prefix) / "later-1.0.dist-info"
    )
    assert lost.scan().assessment.findings_status == "FAIL"


def test_an_exception_covers_it_as_before(lost):
    exemption = replace(EXCEPTION, id="CVE-2026-0008", package="later", versions="==1.0")
    lost.approve(sequence=1, exceptions=(exemption,))
    found = lost.scan().assessment
    assert found.findings_status == "PASS"
    assert [finding.id for finding, _one in found.excepted] == ["TEST-8"]


def test_the_key_of_advisories_signs_no_reason(attacker):
    data = Exceptions(1, (), (removal("TEST-8", 2**50),)).to_bytes()
    with pytest.raises(TrustError, match="this kind of document") as refused:
        attacker.adopt(data, KEY, "exceptions")
    assert "Do not use this exceptions file" in refused.value.advice


def acceptance(data: bytes, **changes: Any) -> Acceptance:
    one = Acceptance(read_snapshot(data).sha256, "the database was cleaned", "kim", MADE, MADE + 90 * DAYS)
    return replace(one, **changes)


def test_a_reason_that_names_the_snapshot(attacker):
    data = attacker.snapshot(record("NEW-1", "new", *below("2.0")))
    with pytest.raises(TrustError, match="more than 5%"):
        attacker.adopt(data)
    for wrong in (acceptance(attacker.snapshot(*FULL)), acceptance(data, approved=MADE - 9 * DAYS, expires=MADE)):
        attacker.approve(sequence=attacker.day, snapshots=(wrong,))
        with pytest.raises(TrustError, match="more than 5%"):
            attacker.adopt(data)
        attacker.day += 1
    attacker.approve(sequence=attacker.day, snapshots=(acceptance(data),))
    (warning,) = attacker.adopt(data).warnings
    assert "kim" in warning
    assert attacker.scan().assessment.findings == ()
    assert entries.read_retained(earlier.path_of(attacker.site.installation.prefix).read_bytes()).entries == ()


def test_a_reason_for_a_snapshot_that_is_in_force_already(lost):
    data = (stored.folder_of(lost.site.installation.prefix) / "advisories.zip").read_bytes()
    lost.approve(sequence=1, snapshots=(acceptance(data),))
    done = lost.adopt(data)
    assert not done.new
    assert lost.scan().assessment.status == "PASS"


def test_a_list_that_was_altered(attacker):
    attacker.offer(*without("TEST-8"))
    path = earlier.path_of(attacker.site.installation.prefix)
    path.write_bytes(path.read_bytes().replace(b"missing", b"nothing"))
    with pytest.raises(TrustError, match=r"retained\.json") as refused:
        attacker.scan()
    assert "signed reason" in refused.value.advice
    with pytest.raises(TrustError, match=r"retained\.json"):
        attacker.offer(*FULL)
    data = attacker.snapshot(*FULL)
    attacker.approve(sequence=1, snapshots=(acceptance(data),))
    attacker.adopt(data)
    assert attacker.scan().assessment.findings_status == "FAIL"


def test_power_loss_loses_no_advisory(attacker, monkeypatch):
    from shared.files import files

    attacker.install("later", "1.0")
    whole = files.write_atomic
    data = attacker.snapshot(*instead(LATER, {**LATER, "withdrawn": "2026-05-01T00:00:00Z"}))
    for stop in range(4):
        writes = iter(range(stop))

        def write(target, content, *, mode=0o644, writes=writes):
            if "advisories" in str(target.parent) and next(writes, None) is None:
                raise KeyboardInterrupt
            whole(target, content, mode=mode)

        monkeypatch.setattr(files, "write_atomic", write)
        try:
            attacker.adopt(data)
        except KeyboardInterrupt:
            pass
        monkeypatch.setattr(files, "write_atomic", whole)
        assert "later" in {one.package for one in attacker.scan().assessment.findings}


# what is remembered outside the prefix


def forget(attacker: Attacker) -> None:
    folder = stored.folder_of(attacker.site.installation.prefix)
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()


def test_removing_the_updates_does_not_let_an_older_one_count(attacker):
    forget(attacker)
    with pytest.raises(TrustError, match="this host has accepted") as refused:
        attacker.scan()
    assert "advisories update FILE" in refused.value.advice
    older = attacker.snapshot(*FULL, sequence=int((MADE + timedelta(hours=1)).timestamp()))
    with pytest.raises(TrustError, match="not higher than"):
        attacker.adopt(older)
    attacker.offer(*FULL)
    assert attacker.scan().updated


def test_the_one_that_was_removed_may_return(attacker):
    data = (stored.folder_of(attacker.site.installation.prefix) / "advisories.zip").read_bytes()
    forget(attacker)
    assert attacker.adopt(data).new
    assert attacker.scan().updated


def test_an_older_exceptions_file_does_not_return_either(attacker):
    attacker.approve(sequence=7, exceptions=(EXCEPTION,))
    attacker.approve(sequence=8)
    data = (stored.folder_of(attacker.site.installation.prefix) / "advisories.zip").read_bytes()
    forget(attacker)
    attacker.adopt(data)
    with pytest.raises(TrustError, match="sequence number 7, which is not higher than 8"):
        attacker.approve(sequence=7, exceptions=(EXCEPTION,))


def test_a_lost_record_leaves_the_audit_log(attacker):
    for folder in (attacker.site.trust_stores.host, attacker.site.trust_stores.user):
        for path in folder.glob("memory*.json"):
            path.unlink()
    forget(attacker)
    with pytest.raises(TrustError, match="this host has accepted"):
        attacker.scan()


def test_a_record_that_cannot_be_written_is_a_warning(attacker, monkeypatch):
    def fail(*_given, **_more):
        raise PermissionError(13, "no")

    monkeypatch.setattr("installer.advisories.sequences.memory.remember", fail)
    (warning,) = attacker.offer(*FULL).warnings
    assert "was not recorded outside the prefix" in warning


# a release with a snapshot of its own


def upgrade(attacker: Attacker, monkeypatch: pytest.MonkeyPatch, data: bytes | None, counter: int = 1) -> None:
    """Install a later release, as the product does: what its snapshot lacks is retained before it is activated."""
    site, whole = attacker.site, Prefix.set_current

    def set_current(prefix, release):
        assert earlier.prepare(Installation(prefix, release, release.manifest()), site.trust_stores) is None
        whole(prefix, release)

    monkeypatch.setattr(Prefix, "set_current", set_current)
    brought = {} if data is None else {"advisories/advisories.zip": data}
    made = Made(product=replace(PRODUCT, counter=PRODUCT.counter + counter), verification=brought)
    install_made(site.installation.prefix, made)
    monkeypatch.undo()
    assert earlier.remember(site.installation.prefix, site.trust_stores) is None
    attacker.site = site._replace(installation=active(site.installation.prefix))


def test_a_later_release_does_not_make_it_forget(attacker, monkeypatch):
    """Neither the update, which is older than the new release's snapshot, nor what only the update had."""
    upgrade(attacker, monkeypatch, attacker.snapshot(BROUGHT, HIT, UNSCORED))
    attacker.install("later", "1.0")
    assert not attacker.scan().updated
    assert "later" in {one.package for one in attacker.scan().assessment.findings}
    attacker.offer(BROUGHT, HIT, UNSCORED)  # replaces the update
    assert "later" in {one.package for one in attacker.scan().assessment.findings}


def test_what_only_an_earlier_release_had(attacker, monkeypatch):
    upgrade(attacker, monkeypatch, attacker.snapshot(*FULL, FURTHER))
    upgrade(attacker, monkeypatch, attacker.snapshot(*FULL), counter=2)
    assert len(earlier.read(attacker.site.installation.prefix).entries) == 1
    found = attacker.scan().assessment
    assert "TEST-2" in {one.id for one in found.findings}


def test_a_rollback_goes_on_with_the_newest(attacker, monkeypatch):
    first = attacker.site.installation
    upgrade(attacker, monkeypatch, attacker.snapshot(*FULL, FURTHER))
    first.prefix.set_current(first.release)
    attacker.site = attacker.site._replace(installation=first)
    assert "TEST-2" in {one.id for one in attacker.scan().assessment.findings}


def test_a_release_without_advisories(attacker, monkeypatch):
    upgrade(attacker, monkeypatch, None)
    assert attacker.scan().updated


def test_what_cannot_be_retained_is_a_warning(attacker, monkeypatch):
    path = earlier.path_of(attacker.site.installation.prefix)
    path.write_bytes(b"{}")
    assert "could not be retained" in (earlier.prepare(*attacker.site) or "")


# every refusal advises about the file, not about an installation


def refusals(attacker: Attacker) -> Iterator[tuple[str, Callable[[], Any]]]:
    snapshot, other = attacker.snapshot(*FULL), SoftKey(ED25519)
    reasons = Exceptions(9, ()).to_bytes()
    yield "snapshot", lambda: attacker.adopt(snapshot, other)
    yield "snapshot", lambda: attacker.adopt(snapshot, APPROVER)
    yield "snapshot", lambda: attacker.adopt(snapshot, role="exceptions")
    yield "exceptions file", lambda: attacker.adopt(reasons, other, "exceptions")
    yield "exceptions file", lambda: attacker.adopt(reasons, KEY, "exceptions")
    yield "exceptions file", lambda: attacker.adopt(reasons, APPROVER, "release")


@pytest.mark.parametrize("number", range(6))
def test_words_about_the_file(attacker, number):
    kind, call = list(refusals(attacker))[number]
    with pytest.raises(TrustError) as refused:
        call()
    assert refused.value.advice.startswith(f"Do not use this {kind}; request it again")
    assert "install" not in refused.value.advice


def test_swapped_signatures(attacker):
    """The signature of one snapshot beside another one."""
    first, second = attacker.snapshot(*FULL), attacker.snapshot(*FULL)
    path = sign_beside(attacker.folder / "offered", first, NAMESPACES["advisories"], KEY)
    path.write_bytes(second)
    with pytest.raises(TrustError, match="one of the two was modified") as refused:
        update(path, attacker.site.installation, attacker.site.trust_stores, UpdateOptions(now=attacker.now))
    assert "Do not use this snapshot" in refused.value.advice


@pytest.mark.parametrize("which", ["truncated", "member removed", "not a zip", "header of another"])
def test_a_broken_snapshot(attacker, which):
    data = attacker.snapshot(*FULL)
    if which == "truncated":
        broken = data[: len(data) // 2]
    elif which == "not a zip":
        broken = b"PK" + bytes(100)
    else:
        stream, source = io.BytesIO(), zipfile.ZipFile(io.BytesIO(data))
        other = zipfile.ZipFile(io.BytesIO(attacker.snapshot(BROUGHT)))
        with zipfile.ZipFile(stream, "w") as archive:
            for name in source.namelist():
                if which == "member removed" and name == "index.jsonl":
                    continue
                archive.writestr(name, (other if name == "snapshot.json" else source).read(name))
        broken = stream.getvalue()
    before = attacker.scan().snapshot
    with pytest.raises(TrustError, match="advisories"):
        attacker.adopt(broken)
    assert attacker.scan().snapshot == before


def test_the_same_sequence_with_other_bytes(attacker):
    number = attacker.scan().snapshot.header.sequence
    with pytest.raises(TrustError, match="not higher than"):
        attacker.offer(*FULL, FURTHER, sequence=number)


def test_a_stale_snapshot_never_passes(attacker):
    attacker.uninstall("demo_lib")
    attacker.uninstall("demo_base")
    attacker.install("clean", "1.0")
    attacker.day += 40
    assert attacker.scan().assessment.status == "WARN"


def test_a_fix_that_is_no_version(attacker):
    """What fixes it is shown only: a text that is no version does not stop the scan."""
    data = attacker.snapshot(*FULL)
    snapshot = read_snapshot(data)
    lines = {**snapshot.index.lines, "demo-lib": snapshot.index.lines["demo-lib"].replace(b'"1.3"]', b'"odd"]')}
    found = scan(Index(lines), [Installed("demo-lib", "1.2.0")])
    assert [(one.id, one.fixed) for one in found.findings] == [("TEST-1", ())]


def test_what_was_undecided_is_not_decided_for_nothing(attacker):
    attacker.uninstall("demo_lib")
    attacker.uninstall("demo_base")
    attacker.install("odd", "1.0")
    odd = record("TEST-5", "odd", {"introduced": "0"}, {"fixed": "2018-04-22b"})
    attacker.offer(*FULL, odd)
    assert attacker.scan().assessment.status == "WARN"
    for decided in ("1.0", "2.0"):
        attacker.offer(*FULL, record("TEST-5", "odd", *below(decided), vector=NOTHING))
        found = attacker.scan().assessment
        assert [one.id for one in found.doubts] == ["TEST-5"]
        assert found.status == "WARN"
    last = found.doubts[0].gone.last
    attacker.approve(sequence=1, removals=(removal("TEST-5", last, package="odd"),))
    assert attacker.scan().assessment.status == "PASS"

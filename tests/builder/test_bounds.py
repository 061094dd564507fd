"""What the builder writes, hosts and later builds read; what they would refuse, it refuses in one sentence."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timezone
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from builder import rebuild
from builder.advisories import documents, entries, gate
from builder.assemble.contents import manifest_of
from builder.backends.backend import Made
from builder.backends.workshop import Workshop
from builder.fetch.cache import Cache, sha256
from builder.fetch.fetching import Fetching
from builder.fetch.partial import Remote
from builder.models import hub
from builder.project.project import UvSettings
from builder.request import bases
from builder.signing import sign
from builder.signing.policy import sign_policy
from builder.signing.user_keys import signers_of
from builder.wheels import builds as wheel_builds
from bundle import manifest as form
from bundle.advisories.exceptions import EXCEPTIONS_LIMIT, Exceptions, read_exceptions
from bundle.manifest import FILES_LIMIT, INSTALLED_LIMIT, MANIFEST_LIMIT, FileEntry
from bundle.signing import signature
from bundle.signing.policy import pins
from bundle.signing.signature import ED25519, SIGNATURES_LIMIT
from bundle.wheels.sizes import Unpacked
from shared.errors import BuildError, UsageError
from shared.terminal.progress import NoProgress
from tests.bundles import make_manifest
from tests.keys import SoftKey

FEW = settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
ANY = st.text(max_size=40)
NOW = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)


# exceptions: accepted advisories, and the file of entries that people fill in


@FEW
@given(identifier=ANY, statement=ANY, approver=ANY)
def test_exceptions(tmp_path, identifier, statement, approver) -> None:
    path = tmp_path / "exceptions.json"
    path.unlink(missing_ok=True)
    said = {"package": "demo", "versions": "==1", "justification": "component_not_present", "until": "2026-03-01"}
    said |= {"id": identifier, "statement": statement, "approver": approver}
    try:
        made = documents.add_exceptions(path, Exceptions(5, entries.exemptions_of([("x", said)], NOW)))
    except UsageError:
        assert not path.exists()
    else:
        assert read_exceptions(path.read_bytes()) == made
        assert (made.exceptions[0].id, made.exceptions[0].statement) == (identifier, statement)


def test_exceptions_that_no_host_would_read_are_not_written(tmp_path) -> None:
    said = {"package": "demo", "justification": "component_not_present", "until": "2026-03-01"}
    said |= {"statement": "x" * 4000, "approver": "a", "id": "A-1"}
    many = entries.exemptions_of([("x", {**said, "versions": f"=={number}"}) for number in range(240)], NOW)
    made = documents.add_exceptions(tmp_path / "exceptions.json", Exceptions(5, tuple(many)))
    stored = (tmp_path / "exceptions.json").read_bytes()
    assert EXCEPTIONS_LIMIT * 0.9 < len(stored) <= EXCEPTIONS_LIMIT
    more = [replace(one, id="A-2") for one in many]
    with pytest.raises(UsageError, match=r"^exceptions\.json: larger than 1048576 bytes"):
        documents.add_exceptions(tmp_path / "exceptions.json", Exceptions(6, tuple(more)))
    assert (tmp_path / "exceptions.json").read_bytes() == stored
    assert read_exceptions(stored) == made


def finding(identifier: str, package: str = "demo") -> Any:
    reported = {"version": "1.0", "fixed": (), "severity": "high", "summary": identifier, "link": "https://x.invalid"}
    urgency = {"malware": True, "certainty": "possible", "kev": "2026-05-01", "epss": 0.0}
    return SimpleNamespace(id=identifier, package=package, **reported, **urgency)


@FEW
@given(identifiers=st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=20), min_size=1, max_size=4))
def test_templates_of_entries(tmp_path, identifiers) -> None:
    text = entries.template_text([finding(identifier) for identifier in identifiers], "title\n", NOW)
    (tmp_path / "entries.toml").write_bytes(text.encode())
    assert [entry["id"] for _place, entry in entries.read_entries(tmp_path / "entries.toml")] == identifiers


def test_a_template_that_could_not_be_read_again_is_not_written(tmp_path, monkeypatch) -> None:
    some = [finding(f"A-{number}") for number in range(20)]
    size = len(entries.template_text(some, "t", NOW).encode())
    monkeypatch.setattr(entries, "ENTRIES_LIMIT", size)
    (tmp_path / "entries.toml").write_text(entries.template_text(some, "t", NOW))
    assert len(entries.read_entries(tmp_path / "entries.toml")) == 20
    with pytest.raises(UsageError, match="Too many findings for one file: 21"):
        entries.template_text([*some, finding("A-20")], "t", NOW)


def test_a_judgement_that_hosts_would_not_read_ends_the_build(monkeypatch) -> None:
    monkeypatch.setattr(gate, "report", lambda *_given: {"table": "x" * 100})
    whole = gate.written(None, None)
    monkeypatch.setattr(gate, "GATE_LIMIT", len(whole))
    assert json.loads(gate.written(None, None)) == {"table": "x" * 100}
    monkeypatch.setattr(gate, "GATE_LIMIT", len(whole) - 1)
    with pytest.raises(BuildError, match=r"^gate\.json would be larger than the \d+ bytes that hosts accept\.$"):
        gate.written(None, None)


# the base of a delta


def test_bases_of_deltas(tmp_path) -> None:
    """The very bytes travel: whoever has read them can write them, and hosts read them by the same bounds."""
    manifest = make_manifest()
    (tmp_path / "MANIFEST.json").write_bytes(manifest.to_bytes())
    base = bases.read_base(tmp_path)
    assert (base.manifest, base.data) == (manifest, manifest.to_bytes())
    with (tmp_path / "MANIFEST.json").open("r+b") as file:
        file.truncate(MANIFEST_LIMIT + 1)
    with pytest.raises(UsageError, match=r"MANIFEST\.json cannot be read: larger than 67108864 bytes\.$"):
        bases.read_base(tmp_path)


# the manifest


def inputs(**verification: int) -> Any:
    good = make_manifest()
    common = SimpleNamespace(
        product=good.product,
        profile=SimpleNamespace(application=good.application, accelerator_required=False),
        lock=SimpleNamespace(sha256="0" * 64),
        models=(),
        state=SimpleNamespace(described=None),
        epoch=1,
    )
    unpacked = Unpacked(1, verification.get("files", 1))
    return SimpleNamespace(
        common=common,
        target=good.target,
        selection=SimpleNamespace(wheels=(), python_range=None, conflicts=()),
        wheels=(),
        verification=SimpleNamespace(unpacked=unpacked),
    )


def sources(*names: str, size: int = 1) -> list[Any]:
    return [SimpleNamespace(entry=FileEntry(f"03_Source/{name}", size, "0" * 64, "source")) for name in names]


def refused(contents: list[Any], **verification: int) -> str:
    with pytest.raises(BuildError) as error:
        manifest_of(inputs(**verification), contents)
    assert len(error.value.sentences) == 1
    assert "\n" not in error.value.what
    assert error.value.advice
    return error.value.what


def test_as_many_files_as_hosts_take_and_not_one_more(monkeypatch) -> None:
    assert manifest_of(inputs(files=INSTALLED_LIMIT - 3), sources("a", "b", "c"))
    assert "installed_files: not between 0 and 1000000" in refused(sources("a", "b", "c"), files=INSTALLED_LIMIT - 2)
    listed = sources("a") * (FILES_LIMIT + 1)
    assert refused(listed) == "MANIFEST.json.files: more than 200000 items."
    monkeypatch.setattr(form, "MANIFEST_LIMIT", 2000)
    assert refused(listed[:20]) == "MANIFEST.json: larger than 2000 bytes."


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("x" * 256, "longer than 1024 bytes, or has a name longer than 255"),
        ("f/" * 64 + "x", "nested in more than 63 folders"),
        ("a\nb", "control"),
        ("a\u202eb", "invisible"),
        ("con", "reserved"),
        ("a\\b", "Windows"),
    ],
)
def test_names_that_hosts_refuse(name, reason) -> None:
    assert reason in refused(sources(name))


def test_a_file_that_is_too_large_for_hosts() -> None:
    assert "files[0].size: not between" in refused(sources("a", size=form.FILE_SIZE_LIMIT))


# signatures


def test_as_many_signatures_as_are_read_and_not_one_more(tmp_path) -> None:
    document = tmp_path / "policy-1.json"
    keys = [SoftKey(ED25519) for _number in range(SIGNATURES_LIMIT + 1)]
    document.write_bytes(replace(pins([keys[0].key]), number=1).to_bytes())
    for key in keys[1:]:
        sign.signature_of(document, key.key).write_bytes(b"")
    with pytest.raises(UsageError, match="limit of 32 signatures"):
        sign_policy(document, SimpleNamespace(key=keys[0].key))
    again = sign.signature_of(document, keys[-1].key)  # that one is there, and is made anew
    assert again.exists()
    with pytest.raises(UsageError, match="limit of 32 signatures"):
        signers_of([tmp_path / f"key-{number}" for number in range(SIGNATURES_LIMIT + 1)])
    assert signature.SIGNATURES_LIMIT == SIGNATURES_LIMIT


# what a build keeps for later ones


@FEW
@given(names=st.lists(ANY, max_size=5), size=st.integers(0, 2**53))
def test_listings_of_models(tmp_path, names, size) -> None:
    cache = Cache(tmp_path)
    digest = sha256("0" * 64)
    files = tuple(hub.HubFile(name, Remote(f"o/m: {name}", "", digest, size)) for name in dict.fromkeys(names))
    hub.keep_listing(cache, "o/m", hub.HubListing("c", files, ()))
    assert hub.stored_listing(cache, "o/m", "c") == hub.HubListing("c", files, ())


@FEW
@given(
    name=st.from_regex(r"[a-z]{1,100}", fullmatch=True),
    version=st.from_regex(r"[0-9]{1,9}(\.[0-9]){0,50}", fullmatch=True),
)
def test_records_of_wheels_that_were_built(tmp_path, name, version) -> None:
    cache = Cache(tmp_path / "cache")
    packed = tmp_path / f"{name}-{version}-py3-none-any.whl"
    packed.write_bytes(b"wheel")
    stored = wheel_builds._keep(packed, Made(packed, ()), cache, ("k", "any"))
    workshop = Workshop(UvSettings(), Fetching(cache, NoProgress()))
    assert wheel_builds._read_record(workshop, "k", "any") == stored


def test_a_provenance_of_the_largest_manifest_is_read_again() -> None:
    """It has a line of each file of the manifest, shorter than the manifest's, and another of each model's."""
    assert rebuild.PROVENANCE_LIMIT >= 3 * MANIFEST_LIMIT

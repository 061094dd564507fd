"""What a writer writes, its reader reads: for each file of ours that is read again, with whatever is in it."""

from __future__ import annotations

import json
import os
import time
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bundle import digest, strict
from bundle.manifest import FILE_SIZE_LIMIT, FileEntry, parse_manifest
from bundle.product.application import Application, Launcher
from bundle.product.environment import SETTINGS_LIMIT, Environment
from bundle.signing.policy import Signer, parse_policy, pins
from bundle.signing.signature import ED25519, SIGNATURES_LIMIT
from installer.layout import journal, seal
from installer.layout.prefix import RETAINED_UNFINISHED, Prefix
from installer.layout.release import Release
from installer.logs import audit_log
from installer.release import launchers, receipt, signed
from installer.release import settings as settings_file
from installer.release.installation import Installation
from installer.trust import memory
from installer.userdata import backup_index
from shared.errors import HostError, InstallError, TrustError
from shared.programs import app_launcher
from shared.terminal import exposition
from shared.terminal.console import sentence
from shared.terminal.progress import NoProgress
from tests.bundles import make_manifest
from tests.keys import SoftKey

FEW = settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
NAMES = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1, max_size=40)
ANY = st.text(max_size=40)  # half characters, line ends and controls too
COUNTERS = st.integers(1, 2**53)


@FEW
@given(counters=st.dictionaries(NAMES, COUNTERS, max_size=20), policy=st.integers(0, 2**53))
def test_memories(tmp_path, counters, policy) -> None:
    (tmp_path / memory.NAME).unlink(missing_ok=True)
    written = memory.remember(tmp_path, policy=policy, counters=counters)
    assert memory.read_folder(tmp_path).memory == written


def test_a_memory_of_a_thousand_products_is_read_again_and_one_of_too_many_is_not_written(tmp_path) -> None:
    many = {f"product-{number}": 1 for number in range(memory.PRODUCTS_LIMIT)}
    memory.remember(tmp_path, counters=many)
    data = (tmp_path / memory.NAME).read_bytes()
    with pytest.raises(HostError, match=r"Too many products in .*: 10001"):
        memory.remember(tmp_path, counters={"one-more": 1})
    with pytest.raises(HostError, match="Too many products"):
        memory.remember(tmp_path, counters={"x" * (1 << 20): 1})
    assert (tmp_path / memory.NAME).read_bytes() == data
    assert memory.remember(tmp_path, counters={"product-7": 2}).products["product-7"] == 2
    assert len(memory.read_folder(tmp_path).memory.products) == memory.PRODUCTS_LIMIT


@FEW
@given(laid=st.dictionaries(NAMES, st.just("0" * 64), max_size=20), former=st.none() | NAMES)
def test_journals(tmp_path, laid, former) -> None:
    prefix = Prefix(tmp_path)
    prefix.state.mkdir(exist_ok=True)
    entry = journal.note_written(prefix, journal.Entry("install", "1-a-r1", former), laid)
    assert journal.read(prefix) == entry
    journal.write(prefix, None)
    assert journal.read(prefix) is None


def test_a_journal_that_nobody_could_read_is_not_written(tmp_path, monkeypatch) -> None:
    prefix = Prefix(tmp_path)
    prefix.state.mkdir()
    monkeypatch.setattr(journal, "WRITTEN_LIMIT", 2)
    with pytest.raises(HostError, match="would be too large"):
        journal.note_written(prefix, journal.Entry("install", "1-a-r1"), dict.fromkeys("abc", "0" * 64))
    assert not os.listdir(prefix.state)


def receipt_of(*paths: str) -> receipt.Receipt:
    items = tuple(receipt.Item(path, "0" * 64, receipt.APP) for path in paths)
    return receipt.Receipt("r", "p", "1", 1, "0" * 64, ("s",), "t", "i", "3", "0" * 64, "1", True, items)


def sealed(folder) -> Any:
    """Return as much of a release as a receipt needs."""
    return SimpleNamespace(receipt_file=folder / "receipt.json", complete_file=folder / "COMPLETE")


@FEW
@given(paths=st.lists(NAMES, max_size=20))
def test_receipts(tmp_path, paths) -> None:
    release = sealed(tmp_path)
    receipt.write_receipt(release, receipt_of(*paths))
    sums = digest.write_sums({"receipt.json": digest.sha256_file(release.receipt_file)[0]})
    release.complete_file.write_bytes(sums)
    assert receipt.read_receipt(release) == receipt_of(*paths)


@pytest.mark.parametrize("path", ["a\nb", "x" * 5000, ""])
def test_a_receipt_that_nobody_could_read_is_not_written(tmp_path, path) -> None:
    with pytest.raises(InstallError, match=r"receipt\.json\.items\[0\]"):
        receipt.write_receipt(sealed(tmp_path), receipt_of(path))
    assert not os.listdir(tmp_path)


@FEW
@given(facts=st.dictionaries(NAMES.map("f".__add__), ANY | st.integers() | st.lists(ANY), max_size=5), reason=ANY)
def test_audit_lines(tmp_path, facts, reason) -> None:
    prefix = Prefix(tmp_path)
    prefix.state.mkdir(exist_ok=True)
    before = len(audit_log.entries(prefix))
    audit_log.note_failure(prefix, "install", HostError(reason), **facts)
    assert len(audit_log.entries(prefix)) == before + 1 == audit_log.verify(prefix)[0]
    assert audit_log.entries(prefix)[-1].items() >= facts.items()


PARTS = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=40).filter(
    lambda name: name not in (".", "..")
)


@FEW
@given(names=st.lists(PARTS | PARTS.map(lambda name: f"{name}\udcff"), max_size=10), target=PARTS, number=COUNTERS)
def test_backup_indexes(tmp_path, names, target, number) -> None:
    saved = (
        backup_index.Saved(0, "data", backup_index.FOLDER, 0o755),
        *(backup_index.Saved(1, name, backup_index.LINK + target, 0o777) for name in names),
    )
    made = backup_index.Backup(tmp_path, "2026", "install", None, saved, None, number, tuple(names))
    (tmp_path / backup_index.INDEX).write_bytes(made.to_bytes())
    assert backup_index.read_backup(tmp_path) == made


@FEW
@given(value=st.text(st.characters(codec="utf-8", exclude_characters="\0\r\n")))
def test_settings_files(value) -> None:
    """Defaults of a release, which the user makes settings of by taking the # away."""
    line = f"NAME={settings_file._quoted(value)}"
    assert app_launcher.read_env(f"{line}\nNEXT=1\n") == ([(1, "NAME", value), (2, "NEXT", "1")], [])


@pytest.mark.parametrize(
    "text",
    [
        f"NAME=x{' ' * 60_000}y",
        " " * 60_000,
        "#" * 60_000,
        f"export{' ' * 60_000}",
        "N" * 60_000,
        "N='\\'" * 10_000,
        "N=' \"\n" * 10_000,
        "\n" * 60_000,
    ],
    ids=["value", "spaces", "comment", "export", "name", "escapes", "quotes", "lines"],
)
def test_settings_files_of_any_shape_are_read_in_one_pass(text) -> None:
    """Their owner may be another account, and every command of the tool reads them."""
    began = time.process_time()
    app_launcher.read_env(text)
    settings_file._MENTIONED.findall(text)
    assert time.process_time() - began < 4  # in 0.1 s, where each character costs a pass over the rest in a minute


def test_policies_of_as_many_keys_as_there_may_be() -> None:
    keys = [SoftKey(ED25519).key for _number in range(SIGNATURES_LIMIT + 1)]
    one = pins(keys[1:])
    assert parse_policy(one.to_bytes(), "p") == one
    assert pins(keys, SIGNATURES_LIMIT).signers
    with pytest.raises(TrustError, match="threshold: not between 1 and 32"):
        pins(keys)  # no document may have so many signatures
    with pytest.raises(TrustError, match="keys"):
        pins([SoftKey(ED25519).key] * 2)
    assert Signer(one.signers[0].key, "x" * 100).name


@FEW
@given(value=st.text(st.characters(codec="utf-8")))
def test_metrics(value) -> None:
    """No value of a label forges a sample: lines end with LF alone in this format."""
    text = exposition.render([exposition.Family("a", value, (({"name": value}, 1.0),))])
    assert text.count("\n") == 3
    label = text.split("\n")[2][len('a{name="') : -len('"} 1')]
    read = label.replace("\\\\", "\0").replace("\\n", "\n").replace('\\"', '"').replace("\0", "\\")
    assert read == "\n".join(map(sentence, value.split("\n")))


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"size": FILE_SIZE_LIMIT}, r"files\[\d+\]\.size"),
        ({"path": "03_Source/" + "n" * 256}, r"files\[\d+\]\.path"),
        ({"path": "03_Source/a\nb"}, r"files\[\d+\]\.path"),
    ],
    ids=["size", "name", "line-end"],
)
def test_a_manifest_that_no_host_reads_is_not_written(changed, reason) -> None:
    """The builder writes what this reads (builder.assemble.contents.manifest_of)."""
    from dataclasses import replace

    entry = replace(FileEntry("03_Source/x", 1, "0" * 64, "source"), **changed)
    manifest = make_manifest()
    with pytest.raises(TrustError, match=reason):
        parse_manifest(replace(manifest, files=(*manifest.files, entry)).to_bytes())


class Marked(Release):
    """A release of which nothing but its receipt and its mark is there."""


@FEW
@given(data=st.binary(max_size=2000))
def test_marks(tmp_path, data) -> None:
    release = Marked(tmp_path / "1-0123456789ab-r1")
    release.path.mkdir(exist_ok=True)
    release.complete_file.unlink(missing_ok=True)
    release.receipt_file.write_bytes(data)
    seal.mark_complete(release)
    assert seal.receipt_sha256(release) == digest.sha256_bytes(data)


@pytest.mark.parametrize("more", [b"x", b"\n" * seal.MARK_LIMIT], ids=["a byte", "more than is read"])
def test_a_mark_that_something_follows_is_none(tmp_path, more) -> None:
    release = Marked(tmp_path)
    release.complete_file.write_bytes(digest.write_sums({"receipt.json": "0" * 64}) + more)
    with pytest.raises((TrustError, OSError), match=r"COMPLETE: its lines must be sorted|larger than"):
        seal.receipt_sha256(release)


def test_the_names_of_releases(tmp_path) -> None:
    """``current``, and the releases that were begun and not finished: more than are kept never make more."""
    prefix = Prefix(tmp_path)
    prefix.make()
    release = prefix.new_release(1, "0" * 64)
    prefix.set_current(release)
    assert prefix.named() == release
    prefix.unfinished.write_text("".join(f"1-000000000000-r{number}\n" for number in range(RETAINED_UNFINISHED + 5)))
    prefix.retire_name(release)
    assert len(prefix.unfinished.read_text().splitlines()) == RETAINED_UNFINISHED
    assert prefix.new_release(1, "0" * 64).id == f"1-000000000000-r{RETAINED_UNFINISHED + 5}"


@FEW
@given(settings=st.dictionaries(st.from_regex(r"[A-Z]{1,20}", fullmatch=True), NAMES, max_size=9), title=NAMES)
def test_what_launchers_start_by(tmp_path, settings, title) -> None:
    """run.json, by the reader of ``launch.py`` and by the one of whoever proves a release."""
    application = Application(
        (Launcher("demo", "script", "a.py", (title,)),),
        Environment(defaults={f"X{name}": value for name, value in settings.items() if "{" not in value}),
    )
    release = Marked(tmp_path)
    manifest = make_manifest(application=application)
    release.run_file.write_bytes(strict.dumps(launchers.run_of(manifest)))
    installation = Installation(Prefix(tmp_path), release, manifest)
    assert signed._is_of_another("run.json", "", installation)
    run = json.loads(release.run_file.read_bytes())
    assert sorted(app_launcher.loaded(run)) == sorted(application.environment.defaults)
    assert app_launcher.command(str(tmp_path), run, "demo", [])[0][-1] == title


def test_settings_of_a_release_that_its_launchers_would_not_read_are_refused(tmp_path) -> None:
    names = [f"NAME_{number}" for number in range(120)]
    held = Environment(defaults=dict.fromkeys(names, "\\" * 2000))
    manifest = make_manifest(application=Application((Launcher("demo", "script", "app.py"),), held))
    prefix = Prefix(tmp_path)
    settings_file.write_env_file(prefix, manifest, None, NoProgress())
    assert SETTINGS_LIMIT * 0.9 < prefix.env_file.stat().st_size < app_launcher.ENV_LIMIT
    assert app_launcher.text_of(str(tmp_path)).count("=") == len(names)
    with pytest.raises(TrustError, match="environment: larger than 524288 bytes"):
        parse_manifest(
            make_manifest(
                application=Application(
                    manifest.application.launchers,
                    Environment(defaults=dict.fromkeys((*names, *map("MORE_".__add__, names)), "\\" * 2000)),
                )
            ).to_bytes()
        )

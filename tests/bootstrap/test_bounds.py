"""What a writer writes, its reader reads: for each file of ours that is read again, with whatever is in it."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bootstrap import journal, receipt
from bootstrap.bundle import digest
from bootstrap.errors import HostError, InstallError
from bootstrap.prefix import Prefix
from bootstrap.trust import memory

FEW = settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
NAMES = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1, max_size=40)
COUNTERS = st.integers(1, 2**53)


@FEW
@given(counters=st.dictionaries(NAMES, COUNTERS, max_size=20), policy=st.integers(0, 2**53))
def test_memories(tmp_path, counters, policy) -> None:
    (tmp_path / memory.NAME).unlink(missing_ok=True)
    written = memory.remember(tmp_path, policy=policy, counters=counters)
    assert memory.parse((tmp_path / memory.NAME).read_bytes() if written != memory.Memory() else None, "m") == written


def test_a_memory_of_a_thousand_products_is_read_again_and_one_of_too_many_is_not_written(tmp_path) -> None:
    many = {f"product-{number}": 1 for number in range(memory.PRODUCTS_LIMIT)}
    memory.remember(tmp_path, counters=many)
    data = (tmp_path / memory.NAME).read_bytes()
    with pytest.raises(HostError, match="holds 10001 products, more than it can"):
        memory.remember(tmp_path, counters={"one-more": 1})
    with pytest.raises(HostError, match="more than it can"):
        memory.remember(tmp_path, counters={"x" * (1 << 20): 1})
    assert (tmp_path / memory.NAME).read_bytes() == data
    assert memory.remember(tmp_path, counters={"product-7": 2}).products["product-7"] == 2
    assert len(memory.parse((tmp_path / memory.NAME).read_bytes(), "m").products) == memory.PRODUCTS_LIMIT


@FEW
@given(laid=st.dictionaries(NAMES, st.just("0" * 64), max_size=20), former=st.none() | NAMES)
def test_journals(tmp_path, laid, former) -> None:
    prefix = Prefix(tmp_path)
    prefix.state.mkdir(exist_ok=True)
    entry = journal.lay(prefix, journal.Entry("install", "1-a-r1", former), laid)
    assert journal.read(prefix) == entry
    journal.write(prefix, None)
    assert journal.read(prefix) is None


def test_a_journal_that_nobody_could_read_is_not_written(tmp_path, monkeypatch) -> None:
    prefix = Prefix(tmp_path)
    prefix.state.mkdir()
    monkeypatch.setattr(journal, "LAID_LIMIT", 2)
    with pytest.raises(HostError, match="would be larger"):
        journal.lay(prefix, journal.Entry("install", "1-a-r1"), dict.fromkeys("abc", "0" * 64))
    assert not os.listdir(prefix.state)


def receipt_of(*paths: str) -> receipt.Receipt:
    items = tuple(receipt.Item(path, "0" * 64, receipt.APP) for path in paths)
    return receipt.Receipt("r", "p", "1", 1, "0" * 64, ("s",), "t", "i", "3", "0" * 64, "1", True, items)


class Sealed:
    """As much of a release as a receipt needs."""

    def __init__(self, folder) -> None:
        self.receipt_file, self.complete_file = folder / "receipt.json", folder / "COMPLETE"


@FEW
@given(paths=st.lists(NAMES, max_size=20))
def test_receipts(tmp_path, paths) -> None:
    release = Sealed(tmp_path)
    receipt.write_receipt(release, receipt_of(*paths))
    sums = digest.write_sums({"receipt.json": digest.sha256_file(release.receipt_file)[0]})
    release.complete_file.write_bytes(sums)
    assert receipt.read_receipt(release) == receipt_of(*paths)


@pytest.mark.parametrize("path", ["a\nb", "x" * 5000, ""])
def test_a_receipt_that_nobody_could_read_is_not_written(tmp_path, path) -> None:
    with pytest.raises(InstallError, match=r"receipt\.json\.items\[0\]"):
        receipt.write_receipt(Sealed(tmp_path), receipt_of(path))
    assert not os.listdir(tmp_path)

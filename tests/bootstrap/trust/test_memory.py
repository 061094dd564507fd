import json
import os

import pytest

from bootstrap.errors import TrustError
from bootstrap.trust import memory


def test_what_is_remembered_only_grows(tmp_path):
    memory.remember(tmp_path, counters={"app": 5, "other": 1})
    memory.remember(tmp_path, counters={"app": 3}, policy=2)
    assert memory.remember(tmp_path, policy=1) == memory.Memory(2, {"app": 5, "other": 1})
    assert memory.parse((tmp_path / memory.NAME).read_bytes(), "m") == memory.Memory(2, {"app": 5, "other": 1})


def test_nothing_new_is_not_written(tmp_path):
    memory.remember(tmp_path, counters={"app": 5})
    before = os.stat(tmp_path / memory.NAME).st_ino
    memory.remember(tmp_path, counters={"app": 5})
    assert os.stat(tmp_path / memory.NAME).st_ino == before


def test_no_memory_is_an_empty_one():
    assert memory.parse(None, "m") == memory.Memory()


@pytest.mark.parametrize(
    "change",
    [
        lambda value: value.update(format=2),
        lambda value: value.update(policy=-1),
        lambda value: value["products"].update(app=0),
        lambda value: value["products"].update(app="5"),
        lambda value: value.update(extra=1),
        lambda value: value.pop("products"),
    ],
)
def test_a_damaged_memory_is_not_taken_for_an_empty_one(tmp_path, change):
    memory.remember(tmp_path, counters={"app": 5})
    value = json.loads((tmp_path / memory.NAME).read_text())
    change(value)
    data = json.dumps(value).encode()
    with pytest.raises(TrustError) as caught:
        memory.parse(data, "m")
    assert "backup" in caught.value.advice
    with pytest.raises(TrustError):
        memory.parse(b"", "m")

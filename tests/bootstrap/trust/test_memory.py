import json
import os
from dataclasses import replace

import pytest

from bootstrap.errors import TrustError
from bootstrap.trust import memory
from bootstrap.trust.authority import user_memory


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


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="only root gives files away")
def test_what_others_could_change_is_no_memory(places):
    user = replace(places, privileged=False)
    memory.remember(user.make_own(), counters={"x": 7})
    os.chown(places.user.parent, 12345, -1)
    for attempt in (lambda: user_memory(user), user.make_own):
        with pytest.raises(TrustError, match="belongs to another user") as caught:
            attempt()
        assert str(places.user.parent) in caught.value.advice
    assert user_memory(places) == memory.Memory()  # of root with the home of another user
    os.chown(places.user.parent, 0, -1)
    assert user_memory(user).products == {"x": 7}
    places.user.chmod(0o757)
    with pytest.raises(TrustError, match="can be written by others"):
        user_memory(user)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="only root gives files away")
def test_nothing_is_made_below_the_home_of_another(places):
    user = replace(places, privileged=False)
    home = places.user.parent
    home.mkdir(parents=True, exist_ok=True)
    os.chown(home, 12345, -1)
    with pytest.raises(TrustError, match="does not count as this user's memory"):
        user.make_own()
    assert list(home.iterdir()) == []

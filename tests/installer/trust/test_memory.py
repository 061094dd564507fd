import os
from dataclasses import replace

import pytest

from installer.trust import memory
from installer.trust.authority import user_memory
from shared.errors import TrustError
from shared.files import files
from shared.files.process_lock import locked


def test_what_is_remembered_only_grows(tmp_path):
    memory.remember(tmp_path, counters={"app": 5, "other": 1})
    memory.remember(tmp_path, counters={"app": 3}, policy=2)
    assert memory.remember(tmp_path, policy=1) == memory.Memory(2, {"app": 5, "other": 1})
    assert memory.read_folder(tmp_path).memory == memory.Memory(2, {"app": 5, "other": 1})


def test_nothing_new_is_not_written(tmp_path):
    memory.remember(tmp_path, counters={"app": 5})
    before = os.stat(tmp_path / memory.NAME).st_ino
    memory.remember(tmp_path, counters={"app": 5})
    assert os.stat(tmp_path / memory.NAME).st_ino == before


def test_no_memory_is_an_empty_one(tmp_path):
    assert memory.read_folder(tmp_path).memory == memory.Memory()


DAMAGE = {
    "missing": lambda data: None,
    "empty": lambda data: b"",
    "torn": lambda data: data[: len(data) // 2],
    "garbage": lambda data: b"\xff" * len(data),
    "another form": lambda data: data.replace(b'"format": 2', b'"format": 3').replace(b'"format":2', b'"format":3'),
    "a number changed": lambda data: data.replace(b"5", b"4"),
}
both = pytest.mark.parametrize("name", memory.NAMES)


def hurt(folder, name, damage):
    data = DAMAGE[damage]((folder / name).read_bytes())
    if data is None:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(data)


@pytest.mark.parametrize("damage", DAMAGE)
@both
def test_one_damaged_copy_changes_nothing_and_is_mended(tmp_path, name, damage):
    known = memory.remember(tmp_path, counters={"app": 5}, policy=2)
    whole = (tmp_path / name).read_bytes()
    hurt(tmp_path, name, damage)
    stored = memory.read_folder(tmp_path)
    assert (stored.memory, list(stored.problems), stored.garbage) == (known, [name], False)
    memory.remember(tmp_path, counters={"app": 1})
    assert (tmp_path / name).read_bytes() == whole
    assert memory.read_folder(tmp_path).problems == {}


@both
def test_a_copy_that_was_rolled_back_does_not_count(tmp_path, name):
    memory.remember(tmp_path, counters={"app": 5})
    older = (tmp_path / name).read_bytes()
    known = memory.remember(tmp_path, counters={"app": 7, "other": 1})
    (tmp_path / name).write_bytes(older)
    stored = memory.read_folder(tmp_path)
    assert (stored.memory, list(stored.problems)) == (known, [name])


@pytest.mark.parametrize("damage", [one for one in DAMAGE if one != "missing"])
def test_with_both_damaged_nothing_is_taken_for_an_empty_one(tmp_path, damage):
    memory.remember(tmp_path, counters={"app": 5})
    for name in memory.NAMES:
        hurt(tmp_path, name, damage)
    stored = memory.read_folder(tmp_path)
    assert (set(stored.problems), stored.garbage, stored.memory.rebuilt) == (set(memory.NAMES), True, True)


def test_both_missing_beside_a_policy_are_damaged_and_without_one_are_empty(tmp_path):
    assert memory.read_folder(tmp_path) == memory.Stored()
    (tmp_path / "policy-3.json").touch()
    stored = memory.read_folder(tmp_path)
    assert (stored.memory, set(stored.problems), stored.garbage) == (
        memory.Memory(3, {}, rebuilt=True),
        set(memory.NAMES),
        False,
    )


def test_what_was_rebuilt_stays_so_until_it_is_accepted(tmp_path):
    memory.remember(tmp_path, counters={"app": 5})
    for name in memory.NAMES:
        hurt(tmp_path, name, "torn")
    assert memory.remember(tmp_path, counters={"app": 4}).rebuilt
    assert memory.remember(tmp_path, counters={"other": 1}) == memory.Memory(0, {"app": 4, "other": 1}, rebuilt=True)
    assert memory.accept(tmp_path, {"app": 3}) == memory.Memory(0, {"app": 4, "other": 1})
    assert memory.read_folder(tmp_path).memory == memory.Memory(0, {"app": 4, "other": 1})


def test_the_single_file_of_before_is_read_as_it_is(tmp_path):
    (tmp_path / memory.NAME).write_text('{"format": 1, "policy": 2, "products": {"app": 5}}')
    assert memory.read_folder(tmp_path) == memory.Stored(memory.Memory(2, {"app": 5}))
    memory.remember(tmp_path, counters={"app": 6})
    assert memory.read_folder(tmp_path) == memory.Stored(memory.Memory(2, {"app": 6}))
    assert (tmp_path / memory.COPY).exists()


def test_a_stop_between_the_two_copies_loses_nothing(tmp_path, monkeypatch):
    memory.remember(tmp_path, counters={"app": 5})
    write = files.write_atomic

    def stop_at_the_copy(path, data):
        if path.name == memory.COPY:
            raise OSError(28, "No space left on device", str(path))
        write(path, data)

    monkeypatch.setattr(files, "write_atomic", stop_at_the_copy)
    with pytest.raises(OSError, match="No space left"):
        memory.remember(tmp_path, counters={"app": 6})
    stored = memory.read_folder(tmp_path)
    assert (stored.memory.products, list(stored.problems)) == ({"app": 6}, [memory.COPY])


def test_what_a_killed_change_left_goes_unless_another_is_at_work(tmp_path):
    left = tmp_path / f".{memory.NAME}.{'a' * 16}.tmp"
    left.touch()
    with locked(tmp_path / memory.LOCK):
        memory.tidy(tmp_path)
        assert left.exists()
    memory.tidy(tmp_path)
    assert not left.exists()


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="only root gives files away")
def test_what_others_could_change_is_no_memory(trust_stores):
    user = replace(trust_stores, privileged=False)
    memory.remember(user.make_own(), counters={"x": 7})
    os.chown(trust_stores.user.parent, 12345, -1)
    for attempt in (lambda: user_memory(user), user.make_own):
        with pytest.raises(TrustError, match="belongs to another user") as caught:
            attempt()
        assert str(trust_stores.user.parent) in caught.value.advice
    assert user_memory(trust_stores) == memory.Memory()  # of root with the home of another user
    os.chown(trust_stores.user.parent, 0, -1)
    assert user_memory(user).products == {"x": 7}
    trust_stores.user.chmod(0o757)
    with pytest.raises(TrustError, match="is writable by other users"):
        user_memory(user)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="only root gives files away")
def test_nothing_is_made_below_the_home_of_another(trust_stores):
    user = replace(trust_stores, privileged=False)
    home = trust_stores.user.parent
    home.mkdir(parents=True, exist_ok=True)
    os.chown(home, 12345, -1)
    with pytest.raises(TrustError, match="cannot be used as this user's trust store"):
        user.make_own()
    assert list(home.iterdir()) == []

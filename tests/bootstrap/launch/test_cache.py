"""Nothing altered in the launcher's cache is ever run, and what is built is what the zipapp holds."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bootstrap.launch import cache
from bootstrap.launch.words import Refusal
from tests.bootstrap.launch.starts import EXIT_CODE, altered, refused, small_zipapp, start, told, tree

if TYPE_CHECKING:
    from collections.abc import Callable


def extension(tree):
    (found,) = tree.glob("cryptography/hazmat/bindings/_rust*.so")
    return found


DAMAGES: dict[str, Callable[[Path], object]] = {
    "a planted .pth": lambda tree: (tree / "x.pth").write_text("import os; os._exit(77)\n"),
    "an altered source": lambda tree: (tree / "probe.py").write_text("def main(): return 77\n"),
    "an altered extension module": lambda tree: altered(extension(tree)),
    "a deleted data file": lambda tree: next(tree.glob("rich-*.dist-info/METADATA")).unlink(),
    "a short file": lambda tree: os.truncate(tree / "psutil" / "__init__.py", 10),
    "an extra module": lambda tree: (tree / "zz.py").write_text(""),
    "planted bytecode": lambda tree: (tree / "__pycache__").mkdir() or (tree / "__pycache__/x.pyc").write_bytes(b""),
    "an extra empty folder": lambda tree: (tree / "zz").mkdir(),
    "a symlink": lambda tree: (tree / "probe.py").unlink() or (tree / "probe.py").symlink_to(os.devnull),
    "a missing uv": lambda tree: (tree / "bin" / "uv").unlink(),
    "a short uv": lambda tree: os.truncate(tree / "bin" / "uv", 10),
    "an emptied cache": lambda tree: shutil.rmtree(tree) or tree.mkdir(),
    "a cache without its folder": shutil.rmtree,
    "a linked cache": lambda tree: tree.symlink_to(tree.rename(tree.with_name("moved"))),
}


@pytest.mark.index
@pytest.mark.parametrize("what", DAMAGES)
def test_a_damaged_cache_is_built_anew(probe, warm, what):
    with zipfile.ZipFile(probe) as archive:
        files = json.loads(archive.read("digests.json"))["files"]
    site = tree(warm)
    assert cache.damage(str(site.parent), files) is None
    DAMAGES[what](site)
    assert cache.damage(str(site.parent), files) is not None
    told(start(probe, warm))
    assert cache.damage(str(site.parent), files) is None
    assert list((warm / ".cache" / "ragtrace-zipapp").iterdir()) == [site.parent]


@pytest.mark.index
def test_a_warm_start_writes_nothing(probe, warm):
    def state():
        return {path: path.lstat().st_ino for path in (warm / ".cache").rglob("*")}

    before = state()
    told(start(probe, warm, "imports"))
    assert state() == before


@pytest.mark.index
def test_an_altered_uv_is_found_when_it_is_about_to_run(probe, warm):
    uv = tree(warm) / "bin" / "uv"
    good = uv.read_bytes()
    altered(uv)
    assert told(start(probe, warm, "program"))["uv"] == str(uv)
    assert uv.read_bytes() == good
    assert uv.stat().st_mode & 0o777 == 0o755
    told(start(probe, warm))
    assert len(list((warm / ".cache" / "ragtrace-zipapp").iterdir())) == 1


@pytest.mark.index
def test_two_first_runs_at_once_both_succeed(probe, home):
    env = {"PATH": os.environ["PATH"], "HOME": str(home)}
    runs = [
        subprocess.Popen([sys.executable, str(probe)], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    ended = [(*run.communicate(timeout=120), run.returncode) for run in runs]
    assert [(error, code) for _out, error, code in ended] == [(b"", EXIT_CODE)] * 2
    assert list((home / ".cache" / "ragtrace-zipapp").iterdir()) == [tree(home).parent]


def test_who_builds_second_takes_what_the_first_one_built(tmp_path):
    zipapp, files = small_zipapp(tmp_path, {"a.py": b"1"})
    cache.build(zipapp, str(tmp_path), "x_0", files)
    before = (tmp_path / "x_0").stat().st_ino
    cache.build(zipapp, str(tmp_path), "x_0", files)
    assert (tmp_path / "x_0").stat().st_ino == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.pyz", "x_0"]


@pytest.mark.parametrize("change", [{"a.py": ("0" * 64, 1, 0o644)}, {"gone.py": ("0" * 64, 1, 0o644)}])
def test_a_zipapp_whose_bytes_are_not_its_digests_is_refused_and_leaves_nothing(tmp_path, change):
    zipapp, files = small_zipapp(tmp_path, {"a.py": b"1", "b.py": b"2"})
    with pytest.raises(Refusal, match=r"x\.pyz is damaged") as caught:
        cache.build(zipapp, str(tmp_path), "x_0", {**files, **change})
    assert caught.value.code == 3
    assert [path.name for path in tmp_path.iterdir()] == ["x.pyz"]


@pytest.mark.index
def test_a_byte_flipped_in_the_zipapp_is_refused(probe, home):
    copy = home / "probe.pyz"
    shutil.copy(probe, copy)
    with zipfile.ZipFile(copy) as archive:
        places = [archive.getinfo(name).header_offset + 200 for name in ("site-packages/bin/uv", "digests.json")]
    for place in places:
        data = bytearray(probe.read_bytes())
        data[place] ^= 0x55
        copy.write_bytes(data)
        assert f"{copy} is damaged" in refused(start(copy, home), 3)
        assert list(home.glob(".cache/ragtrace-zipapp/*")) == []


# in this very process

FILES = {"a.py": b"1", "b/c.py": b"2", "bin/uv": b"large"}


@pytest.fixture
def built(tmp_path):
    """Give the zipapp's files as digests.json names them, and a cache that holds them."""
    zipapp, files = small_zipapp(tmp_path, FILES)
    cache.build(zipapp, str(tmp_path), "x_0", files)
    return zipapp, files, tmp_path / "x_0"


SMALL_DAMAGES: dict[str, tuple[str, Callable[[Path], object]]] = {
    "an altered file": ("a.py", lambda site: (site / "a.py").write_bytes(b"2")),
    "a longer file": ("a.py", lambda site: (site / "a.py").write_bytes(b"12")),
    "a short program": ("bin/uv", lambda site: (site / "bin/uv").write_bytes(b"larg")),
    "an extra file": ("zz", lambda site: (site / "zz").write_bytes(b"")),
    "an extra folder": ("b/zz/", lambda site: (site / "b/zz").mkdir()),
    "a missing file": ("a.py", lambda site: (site / "a.py").unlink()),
    "an emptied folder": ("b/", lambda site: (site / "b/c.py").unlink()),
    "a missing folder": ("b/c.py", lambda site: shutil.rmtree(site / "b")),
    "a link": ("a.py", lambda site: (site / "a.py").unlink() or (site / "a.py").symlink_to("/dev/null")),
    "a pipe": ("a.py", lambda site: (site / "a.py").unlink() or os.mkfifo(site / "a.py")),
    "a linked tree": ("site-packages", lambda site: site.symlink_to(site.rename(site.with_name("moved")))),
    "a linked cache": (
        "site-packages",
        lambda site: site.parent.symlink_to(site.parent.rename(f"{site.parent}-moved")),
    ),
    "no tree": ("site-packages", shutil.rmtree),
}


@pytest.mark.parametrize("what", SMALL_DAMAGES)
def test_the_first_deviation_is_named_and_building_mends_it(built, what):
    zipapp, files, home = built
    named, harm = SMALL_DAMAGES[what]
    assert cache.damage(str(home), files) is None
    harm(home / "site-packages")
    assert cache.damage(str(home), files) == named
    cache.build(zipapp, str(home.parent), "x_0", files)
    assert cache.damage(str(home), files) is None
    assert [path.name for path in home.parent.iterdir() if path.name.startswith(".")] == []


def test_a_large_program_is_asked_for_its_size_alone(built):
    _zipapp, files, home = built
    (home / "site-packages/bin/uv").write_bytes(b"LARGE")
    assert cache.damage(str(home), files) is None


def test_a_file_that_cannot_be_read_is_damage(built, monkeypatch):
    _zipapp, files, home = built
    monkeypatch.setattr(cache, "same", lambda *_: (_ for _ in ()).throw(PermissionError()))
    assert cache.damage(str(home), files) in files


def test_a_cache_that_cannot_be_put_in_place_is_an_error_and_leaves_nothing(tmp_path, monkeypatch):
    zipapp, files = small_zipapp(tmp_path, FILES)

    def refuse(_source, _destination):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "rename", refuse)
    with pytest.raises(PermissionError):
        cache.build(zipapp, str(tmp_path), "x_0", files)
    assert [path.name for path in tmp_path.iterdir()] == ["x.pyz"]


def test_a_member_that_is_larger_than_its_digest_says_is_not_written_whole(tmp_path, monkeypatch):
    zipapp, files = small_zipapp(tmp_path, {"a.py": b"0123456789"})
    monkeypatch.setattr(cache, "BLOCK", 2)
    with zipfile.ZipFile(zipapp) as archive, pytest.raises(Refusal, match=r"is damaged: a\.py"):
        cache.unpack(archive, "a.py", str(tmp_path / "a.py"), (files["a.py"][0], 4, 0o644))
    assert (tmp_path / "a.py").read_bytes() == b"0123"


def test_a_member_that_asks_for_a_password_or_a_missing_end_is_damage(tmp_path):
    zipapp, files = small_zipapp(tmp_path, {"a.py": b"1"})
    data = bytearray(Path(zipapp).read_bytes())
    for header, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(header) + flags] |= 1
    for broken in (data, data[:-30]):
        Path(zipapp).write_bytes(broken)
        with pytest.raises(Refusal, match="is damaged"):
            cache.build(zipapp, str(tmp_path), "x_0", files)


WORDS = {
    errno.EIO: "x.pyz cannot be read",
    errno.EACCES: "x.pyz cannot be read",
    errno.EMFILE: "prevents programs from running",
}


@pytest.mark.parametrize("number", WORDS)
def test_a_zipapp_that_cannot_be_read_is_neither_damaged_nor_the_fault_of_a_folder(tmp_path, monkeypatch, number):
    zipapp, files = small_zipapp(tmp_path, FILES)

    def refuse(*_arguments):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(zipfile.ZipExtFile, "read", refuse)
    with pytest.raises(Refusal, match=WORDS[number]) as caught:
        cache.build(zipapp, str(tmp_path), "x_0", files)
    assert caught.value.code == 4
    assert ("permissions" in caught.value.advice) is (number != errno.EMFILE)  # no medium fails with EACCES
    # zipfile says of an end that it cannot read that there is none
    for place in ("_EndRecData", "ZipFile"):
        monkeypatch.setattr(zipfile, place, refuse)
        with pytest.raises(Refusal, match=WORDS[number]):
            cache.build(zipapp, str(tmp_path), "x_0", files)


def test_a_host_without_processes_is_not_asked_for_another_folder(tmp_path, monkeypatch):
    zipapp, files = small_zipapp(tmp_path, FILES)
    monkeypatch.setenv("RAGTRACE_CACHE", str(tmp_path))

    def refuse(_folder):
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    monkeypatch.setattr(cache, "try_execution", refuse)
    with pytest.raises(Refusal, match="prevents programs from running: Resource temporarily") as caught:
        cache.open_cache(zipapp, {"build_id": "0" * 16, "files": files})
    assert "Raise the limit" in caught.value.advice

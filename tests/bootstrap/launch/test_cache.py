"""Nothing altered in the launcher's cache is ever run, and what is built is what the zipapp holds."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile

import pytest

from bootstrap.launch import cache
from bootstrap.launch.words import Refusal
from tests.bootstrap.launch.starts import EXIT_CODE, altered, refused, small_zipapp, start, told, tree


def extension(tree):
    (found,) = tree.glob("cryptography/hazmat/bindings/_rust*.so")
    return found


DAMAGES = {
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

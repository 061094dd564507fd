from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
import tomllib
from packaging.pylock import Pylock

from builder.lock.export import uv_environment
from builder.lock.lock import Lock, read_lock, select_wheels
from builder.lock.locked import LockedWheel, lock_rows, write_requirements
from builder.lockfiles.uv_lock import UvLock
from bundle.lock import write_pylock
from bundle.target import host_target, parse_target
from shared.errors import BuildError
from tests.wheels import make_wheel

LINUX = parse_target("linux-x86_64", "3.11")
SHA = "0123456789abcdef" * 4
EXAMPLE = Path(__file__).parents[3] / "examples" / "rag-mini"


def wheel(filename, **fields):
    return {"url": f"https://index.test/{filename}", "hashes": {"sha256": SHA}, "size": 10, **fields}


def package(name, *filenames, version="1.0", **fields):
    found = {"wheels": [wheel(filename) for filename in filenames]} if filenames else {}
    return {"name": name, "version": version, **found, **fields}


def lock(*packages, root=Path("/project"), **fields):
    document = {"lock-version": "1.0", "created-by": "uv", "packages": list(packages), **fields}
    return Lock(root, Pylock.from_dict(document), SHA)


def chosen(*packages, target=LINUX, **fields):
    return [wheel.filename for wheel in select_wheels(lock(*packages, **fields), target).wheels]


def refusal(*packages, target=LINUX, build=True, **fields):
    with pytest.raises(BuildError) as caught:
        select_wheels(lock(*packages, **fields), target, build=build)
    return f"{caught.value.what} {caught.value.advice}"


NATIVE = (
    "foo-1.0-cp311-cp311-manylinux_2_28_x86_64.whl",
    "foo-1.0-cp311-cp311-win_amd64.whl",
    "foo-1.0-cp312-cp312-macosx_11_0_arm64.whl",
    "foo-1.0-cp311-cp311-musllinux_1_2_x86_64.whl",
)
SDIST = {"url": "https://index.test/foo-1.0.tar.gz", "hashes": {"sha256": SHA}}


def test_each_target_gets_its_own_wheel():
    assert chosen(package("foo", *NATIVE)) == [NATIVE[0]]
    assert chosen(package("foo", *NATIVE), target=parse_target("windows-amd64", "3.11")) == [NATIVE[1]]
    assert chosen(package("foo", *NATIVE), target=parse_target("macos-arm64", "3.12")) == [NATIVE[2]]


def test_markers_are_those_of_the_target():
    only_windows = package("bar", "bar-1.0-py3-none-any.whl", marker="sys_platform == 'win32'")
    foo = package("foo", "foo-1.0-py3-none-any.whl")
    assert chosen(foo, only_windows) == ["foo-1.0-py3-none-any.whl"]
    assert len(chosen(foo, only_windows, target=parse_target("windows-amd64", "3.11"))) == 2


def test_wheels_come_in_the_order_of_their_names_with_what_the_lock_knows():
    selection = select_wheels(
        lock(package("zoo", "Zoo-1-py3-none-any.whl", version="1"), package("foo", *NATIVE)), LINUX
    )
    assert [wheel.name for wheel in selection.wheels] == ["zoo", "foo"]
    assert selection.wheels[1] == LockedWheel(NATIVE[0], "foo", "1.0", f"https://index.test/{NATIVE[0]}", 10, SHA)
    assert selection.wheels[1].size == 10
    assert selection.python_range is None


def test_the_widest_range_of_patch_releases_with_one_selection_is_taken():
    backport = package("backport", "backport-1.0-py3-none-any.whl", marker="python_full_version < '3.11.4'")
    selection = select_wheels(lock(package("foo", "foo-1.0-py3-none-any.whl"), backport), LINUX)
    assert [wheel.name for wheel in selection.wheels] == ["foo"]
    assert selection.python_range == (4, 99)


def test_a_patch_release_that_is_named_decides_for_its_range():
    backport = package("backport", "backport-1.0-py3-none-any.whl", marker="python_full_version < '3.11.4'")
    locked = lock(package("foo", "foo-1.0-py3-none-any.whl"), backport)
    selection = select_wheels(locked, parse_target("linux-x86_64", "3.11.2"))
    assert ([wheel.name for wheel in selection.wheels], selection.python_range) == (["backport", "foo"], (0, 3))
    assert select_wheels(locked, parse_target("linux-x86_64", "3.11.4")).python_range == (4, 99)


def test_a_change_in_the_middle_is_seen_though_both_ends_agree():
    once = package("once", "once-1.0-py3-none-any.whl", marker="python_full_version == '3.11.4'")
    selection = select_wheels(lock(package("foo", "foo-1.0-py3-none-any.whl"), once), LINUX)
    assert selection.python_range == (5, 99)
    assert [wheel.name for wheel in selection.wheels] == ["foo"]


def test_a_marker_that_changes_nothing_gives_no_range():
    both = {"name": "foo", "version": "1.0", "wheels": [wheel("foo-1.0-py3-none-any.whl")]}
    old, new = ({**both, "marker": f"python_full_version {sign} '3.11.4'"} for sign in ("<", ">="))
    assert select_wheels(lock(old, new), LINUX).python_range is None


def test_patch_releases_that_the_lock_does_not_allow_are_left_out():
    selection = select_wheels(lock(package("foo", *NATIVE), **{"requires-python": ">=3.11.4"}), LINUX)
    assert selection.python_range == (4, 99)


def test_a_python_that_the_lock_does_not_allow_is_refused():
    reported = refusal(
        package("foo", *NATIVE), target=parse_target("linux-x86_64", "3.9"), **{"requires-python": ">=3.11"}
    )
    assert "The lockfile requires Python >=3.11" in reported
    assert "3.9" in reported


def test_packages_without_a_wheel_are_named_together_with_what_exists():
    bar = {"name": "bar", "version": "2.0", "sdist": {**SDIST, "url": "https://index.test/bar-2.0.tar.gz"}}
    reported = refusal(
        package("foo", *NATIVE[1:], sdist=SDIST), bar, package("zoo", "zoo-1.0-py2-none-any.whl"), build=False
    )
    assert "linux-x86_64 with Python 3.11" in reported
    assert "foo 1.0 (available wheels: cp311-cp311-musllinux_1_2_x86_64, " in reported
    assert "cp311-cp311-win_amd64" in reported
    assert "; a source distribution exists)" in reported
    assert "bar 2.0 (a source distribution only; --no-build forbids building it)" in reported
    assert "zoo 1.0 (available wheels: py2-none-any; no source distribution)" in reported


def test_what_is_not_a_wheel_is_named_with_its_kind():
    reported = refusal(
        {"name": "checkout", "vcs": {"type": "git", "url": "https://git.test/x", "commit-id": "0" * 40}},
        {"name": "member", "directory": {"path": "packages/member"}},
        {"name": "tarball", "archive": {"url": "https://index.test/x.tar.gz", "hashes": {"sha256": SHA}}},
        build=False,
    )
    assert "checkout (a version control repository; --no-build forbids building it)" in reported
    assert "member (a local folder; --no-build forbids building it)" in reported
    assert "tarball (a source archive; --no-build forbids building it)" in reported
    assert "builder targets" in reported


def sources(*packages, target=LINUX):
    return {source.name: source for source in select_wheels(lock(*packages), target).sources}


def test_what_comes_as_source_is_selected_with_what_pins_it():
    git = {"type": "git", "url": "https://me:word@git.test/x", "commit-id": "0" * 40}
    found = sources(
        package("foo", "foo-1.0-py3-none-any.whl"),
        {"name": "checkout", "version": "2.0", "vcs": {**git, "subdirectory": "inner"}},
        {"name": "member", "directory": {"path": "packages/member"}},
        {"name": "tarball", "archive": {"url": "https://index.test/some%20x.tar.gz", "hashes": {"sha256": SHA}}},
        {"name": "foo2", "version": "1.0", "sdist": {**SDIST, "url": "https://index.test/foo2-1.0.tar.gz", "size": 7}},
    )
    assert {name: (one.kind, one.pin, one.subdirectory) for name, one in found.items()} == {
        "checkout": ("git", "0" * 40, "inner"),
        "member": ("folder", "", ""),
        "tarball": ("sdist", SHA, ""),
        "foo2": ("sdist", SHA, ""),
    }
    assert found["member"].place == "/project/packages/member"
    assert (found["tarball"].filename, found["foo2"].filename, found["foo2"].size) == (
        "some x.tar.gz",
        "foo2-1.0.tar.gz",
        7,
    )
    assert "word" not in repr(found["checkout"])


@pytest.mark.parametrize(
    ("vcs", "why"),
    [
        ({"type": "hg", "commit-id": "0" * 40}, "checkout comes from a version control system other than git"),
        ({"type": "git", "commit-id": "0" * 7}, "The lockfile has no full commit hash for checkout"),
        ({"type": "git", "commit-id": "main"}, "The lockfile has no full commit hash for checkout"),
    ],
)
def test_a_repository_without_a_full_commit_of_git_is_refused(vcs, why):
    assert f"{why}." in refusal({"name": "checkout", "vcs": {"url": "https://host.test/x", **vcs}})


def test_a_wheel_is_built_only_for_this_machines_own_platform():
    foreign = package("foo", *NATIVE[1:], sdist=SDIST)
    assert "foo" in sources(foreign, target=replace(host_target(), python="3.10"))
    assert "foo 1.0 (available wheels" in refusal(foreign, target=parse_target("linux-aarch64", "3.11"))


def test_a_wheel_that_asks_for_a_newer_glibc_is_said_so():
    reported = refusal(package("foo", "foo-1.0-cp311-cp311-manylinux_2_34_x86_64.whl"))
    assert "foo 1.0 (its wheels need glibc 2.34 or later: --glibc 2.34)" in reported


def test_a_free_threaded_python_is_named_where_a_wheel_lacks_it():
    target = replace(LINUX, python="3.14t")
    reported = refusal(package("foo", "foo-1.0-cp314-cp314-manylinux_2_28_x86_64.whl"), target=target)
    assert "foo 1.0 (no wheel for free-threaded Python (cp314t); no source distribution)" in reported
    free = "foo-1.0-cp314-cp314t-manylinux_2_28_x86_64.whl"
    assert chosen(package("foo", free), target=target) == [free]


def test_a_package_that_another_target_alone_lacks_is_no_trouble():
    assert chosen(package("foo", *NATIVE), package("bar", *["bar-1.0-py2-none-any.whl"], marker="os_name == 'nt'"))


def test_two_versions_for_one_target_are_refused():
    reported = refusal(package("foo", *NATIVE), package("foo", "foo-2.0-py3-none-any.whl", version="2.0"))
    assert "more than one version" in reported
    assert "foo" in reported


@pytest.mark.parametrize("hashes", [{"md5": "0" * 32}, {"sha256": "no digest"}])
def test_a_wheel_without_a_sha256_is_refused(hashes):
    unpinned = {"name": "foo", "version": "1.0", "wheels": [wheel(NATIVE[0], hashes=hashes)]}
    assert f"no SHA-256 for {NATIVE[0]}" in refusal(unpinned)


def test_an_address_that_is_no_address_is_refused():
    odd = {"name": "foo", "version": "1.0", "wheels": [wheel(NATIVE[0], url=f"ftp://index.test/{NATIVE[0]}")]}
    assert "neither https" in refusal(odd)


def test_a_name_too_long_for_a_tar_header_keeps_one_fitting_tag():
    platforms = "manylinux2014_x86_64.manylinux_2_17_x86_64.manylinux_2_28_x86_64"
    filename = f"charset_normalizer_longer-3.5.2-cp311-cp311-{platforms}.whl"
    assert chosen(package("charset-normalizer-longer", filename, version="3.5.2")) == [
        "charset_normalizer_longer-3.5.2-cp311-cp311-manylinux_2_28_x86_64.whl"
    ]


def test_wheels_of_the_projects_own_folder_are_taken_by_path():
    local = {
        "name": "foo",
        "version": "1.0",
        "archive": {"path": "w/foo-1.0-py3-none-any.whl", "hashes": {"sha256": SHA}},
    }
    (found,) = select_wheels(lock(local), LINUX).wheels
    assert (found.filename, found.url) == ("foo-1.0-py3-none-any.whl", "file:///project/w/foo-1.0-py3-none-any.whl")


def test_what_is_shown_of_a_wheel_holds_no_address():
    assert "secret" not in repr(LockedWheel("f.whl", "f", "1", "https://me:secret@index.test/f.whl", 1, SHA))


def test_the_shells_settings_for_uv_do_not_count_but_its_network_does():
    shell = {
        "PATH": "/bin",
        "https_proxy": "http://proxy:3128",
        "SSL_CERT_FILE": "/ca.pem",
        "UV_INDEX_INTERNAL_PASSWORD": "secret",
        "UV_INDEX": "https://elsewhere.test",
        "UV_FROZEN": "1",
        "UV_NO_SYNC": "1",
        "UV_PYTHON": "3.9",
        "VIRTUAL_ENV": "/venv",
        "PYTHONPATH": "/evil",
    }
    passed = uv_environment(shell)
    assert {name for name in shell if name in passed} == {
        "PATH",
        "https_proxy",
        "SSL_CERT_FILE",
        "UV_INDEX_INTERNAL_PASSWORD",
    }


def test_the_examples_lock_is_read_and_holds_for_every_platform():
    found = read_lock(UvLock(EXAMPLE))
    assert found.sha256 == hashlib.sha256((EXAMPLE / "uv.lock").read_bytes()).hexdigest()
    for target in (LINUX, parse_target("windows-amd64", "3.12"), parse_target("macos-arm64", "3.13")):
        assert "numpy" in {wheel.name for wheel in select_wheels(found, target).wheels}


def read_refusal(root):
    with pytest.raises(BuildError) as caught:
        read_lock(UvLock(root))
    return caught.value


def test_a_lock_that_is_missing_stale_or_broken_is_refused_with_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("UV_FROZEN", "1")  # would let the stale one pass
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))  # nothing in it of which to make a new lock
    assert "no pyproject.toml" in read_refusal(tmp_path).what
    for file in ("pyproject.toml", "uv.lock"):
        shutil.copy(EXAMPLE / file, tmp_path)
    project = (tmp_path / "pyproject.toml").read_text()
    (tmp_path / "pyproject.toml").write_text(project.replace("dependencies = [", 'dependencies = ["colorama",'))
    error = read_refusal(tmp_path)
    assert "uv.lock is out of date" in error.what
    assert "uv lock" in error.advice
    (tmp_path / "pyproject.toml").write_text(
        re.sub(r"dependencies = \[.*?\]", "dependencies = []", project, flags=re.DOTALL)
    )
    assert "uv.lock is out of date" in read_refusal(tmp_path).what  # here uv can make a new one, and says so
    (tmp_path / "uv.lock").write_text("not toml")
    assert "uv.lock, line 1: key with no value" in read_refusal(tmp_path).what
    (tmp_path / "uv.lock").unlink()
    error = read_refusal(tmp_path)
    assert "no uv.lock" in error.what
    assert "uv lock" in error.advice


def test_the_hosts_lock_is_read_by_packaging_and_taken_by_uv(tmp_path):
    import uv

    data = make_wheel("foo", "1.0")
    digest = hashlib.sha256(data).hexdigest()
    (tmp_path / "wheels").mkdir()
    (tmp_path / "wheels" / "foo-1.0-py3-none-any.whl").write_bytes(data)
    wheels = [LockedWheel("foo-1.0-py3-none-any.whl", "foo", "1.0", "https://index.test/x", len(data), digest)]
    (tmp_path / "pylock.toml").write_bytes(write_pylock(lock_rows(wheels)))
    (read,) = Pylock.from_dict(tomllib.loads(write_pylock(lock_rows(wheels)).decode())).packages
    assert read.wheels is not None
    assert read.wheels[0].path == "wheels/foo-1.0-py3-none-any.whl"
    argv = [uv.find_uv_bin(), "pip", "sync", "--preview-features", "pylock", "--offline", "--no-index", "--no-config"]
    argv += ["--cache-dir", str(tmp_path / "cache"), "--target", str(tmp_path / "site"), "pylock.toml"]
    environment = uv_environment(os.environ)
    done = subprocess.run(argv, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "site" / "foo" / "__init__.py").is_file()
    (tmp_path / "wheels" / "foo-1.0-py3-none-any.whl").write_bytes(
        make_wheel("foo", "1.0", metadata="Summary: other\n")
    )
    again = subprocess.run(
        [*argv, "--reinstall"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert again.returncode != 0
    assert "Hash mismatch" in again.stderr


def test_locks_for_the_host_do_not_depend_on_the_order_they_were_given():
    wheels = [LockedWheel(f"{name}-1-py3-none-any.whl", name, "1", "https://x", None, SHA) for name in ("b", "a")]
    assert write_pylock(lock_rows(wheels)) == write_pylock(lock_rows(wheels[::-1]))
    assert write_requirements(wheels).decode() == f"a==1 --hash=sha256:{SHA}\nb==1 --hash=sha256:{SHA}\n"

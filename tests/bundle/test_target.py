import platform
import sys

import pytest
from packaging import markers, tags

from bundle.target import ARCHITECTURES, PYTHONS, Target, host_glibc, host_target, parse_target, target_from_json
from shared.errors import TrustError, UsageError

EVERY = [
    (f"{system}-{machine}", python) for system, all_ in ARCHITECTURES.items() for machine in all_ for python in PYTHONS
]


@pytest.mark.parametrize(("name", "python"), EVERY)
def test_every_target_by_its_name(name, python):
    target = parse_target(name, python)
    assert str(target) == name
    assert target.python == python
    assert target_from_json(target.to_json(), "m") == target


def test_names_of_the_parts():
    target = parse_target("linux-x86_64", "3.11")
    assert target.abi == "cp311"
    assert target.python_tuple == (3, 11)
    assert target.glibc == (2, 28)
    assert parse_target("linux-x86_64", "3.9", glibc=(2, 17)).glibc == (2, 17)


@pytest.mark.parametrize("name", ["", "linux", "linux-", "linux-riscv64", "windows-x86_64", "beos-x86", "Linux-x86_64"])
def test_unknown_targets_are_told_the_known_ones(name):
    with pytest.raises(UsageError, match="is not a known target") as caught:
        parse_target(name, "3.11")
    for known in ("linux-x86_64", "linux-aarch64", "windows-amd64", "macos-arm64"):
        assert known in caught.value.advice


@pytest.mark.parametrize("python", ["3.8", "3.16", "3", "3.11.2", "", "311"])
def test_unsupported_pythons(python):
    with pytest.raises(UsageError, match="is not supported") as caught:
        parse_target("linux-x86_64", python)
    assert "3.11" in caught.value.advice


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"platform": "beos"}, "m.platform: "),
        ({"architecture": "amd64"}, "m.architecture: "),
        ({"python": "3.8"}, "m.python: "),
        ({"glibc": None}, "m.glibc: not a glibc version"),
        ({"glibc": "3.0"}, "m.glibc: not a glibc version"),
        ({"glibc": "2.28.1"}, "m.glibc: not a glibc version"),
        ({"glibc": 2.28}, "m.glibc: not a string"),
        ({"platform": "windows", "architecture": "amd64"}, "m.glibc: only valid for a Linux target"),
        ({"extra": 1}, "m.extra: unknown key"),
    ],
)
def test_refusals_name_their_path(changes, path):
    value = {**Target("linux", "x86_64", "3.11").to_json(), **changes}
    with pytest.raises(TrustError) as caught:
        target_from_json(value, "m")
    assert caught.value.what.startswith(path)


# which wheels fit


def fits(wheel_tag, target):
    return not tags.parse_tag(wheel_tag).isdisjoint(target.tags())


@pytest.mark.parametrize(
    ("wheel_tag", "expected"),
    [
        ("py3-none-any", True),
        ("cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64", True),
        ("cp311-cp311-manylinux2010_x86_64", True),
        ("cp311-cp311-manylinux_2_28_x86_64", True),
        ("cp39-abi3-manylinux_2_28_x86_64", True),
        ("cp311-abi3-linux_x86_64", True),
        ("py3-none-manylinux_2_28_x86_64", True),
        ("cp311-cp311-manylinux_2_34_x86_64", False),
        ("cp311-cp311-musllinux_1_2_x86_64", False),
        ("cp311-cp311-manylinux_2_28_aarch64", False),
        ("cp312-cp312-manylinux_2_28_x86_64", False),
        ("cp312-abi3-manylinux_2_28_x86_64", False),
        ("cp310-cp310-manylinux_2_28_x86_64", False),
        ("cp313-cp313t-manylinux_2_28_x86_64", False),
        ("py2-none-any", False),
        ("cp311-cp311-win_amd64", False),
        ("cp311-cp311-macosx_11_0_arm64", False),
    ],
)
def test_wheels_of_linux(wheel_tag, expected):
    assert fits(wheel_tag, parse_target("linux-x86_64", "3.11")) is expected


@pytest.mark.parametrize(
    ("wheel_tag", "name"),
    [
        ("cp311-cp311-win_amd64", "windows-amd64"),
        ("cp311-cp311-win_arm64", "windows-arm64"),
        ("cp311-cp311-macosx_11_0_arm64", "macos-arm64"),
        ("cp311-cp311-macosx_12_0_universal2", "macos-arm64"),
        ("cp311-cp311-macosx_10_9_x86_64", "macos-x86_64"),
        ("cp311-cp311-manylinux_2_17_aarch64", "linux-aarch64"),
    ],
)
def test_wheels_of_each_platform(wheel_tag, name):
    fitting = [other for other in dict(EVERY) if fits(wheel_tag, parse_target(other, "3.11"))]
    assert name in fitting
    assert set(fitting) <= {name, *(["macos-x86_64"] if "universal2" in wheel_tag else [])}
    assert not fits("cp311-cp311-macosx_15_0_arm64", parse_target(name, "3.11"))


def test_the_best_wheel_comes_first():
    order = [str(tag) for tag in parse_target("linux-x86_64", "3.11").tags()]
    wanted = [
        "cp311-cp311-manylinux_2_28_x86_64",
        "cp311-cp311-manylinux_2_17_x86_64",
        "cp311-cp311-manylinux2014_x86_64",
        "cp311-abi3-manylinux_2_17_x86_64",
        "cp39-abi3-manylinux_2_17_x86_64",
        "py3-none-manylinux_2_28_x86_64",
        "py3-none-any",
    ]
    assert [order.index(tag) for tag in wanted] == sorted(order.index(tag) for tag in wanted)


@pytest.mark.skipif(host_glibc() is None, reason="this host has no glibc")
def test_tags_of_this_host_are_those_that_pip_finds():
    ours = [str(tag) for tag in host_target().tags()]
    theirs = [str(tag) for tag in tags.sys_tags()]
    assert sorted(ours) == sorted(theirs)
    # a wheel built for just any Linux promises least: pip takes it first, we take it last
    assert [tag for tag in ours if "-linux_" not in tag] == [tag for tag in theirs if "-linux_" not in tag]


# markers


def test_the_environment_of_this_host_is_the_one_that_pip_finds():
    ours = host_target().environment(sys.version_info[2])
    theirs = dict(markers.default_environment())
    for free in ("platform_release", "platform_version"):
        theirs[free] = ""
    assert ours == theirs


@pytest.mark.parametrize(
    ("marker", "expected"),
    [
        ("sys_platform == 'win32'", {"windows-amd64", "windows-arm64"}),
        ("platform_system == 'Darwin' and platform_machine == 'arm64'", {"macos-arm64"}),
        ("platform_machine == 'x86_64' and os_name == 'posix'", {"linux-x86_64", "musllinux-x86_64", "macos-x86_64"}),
        ("platform_machine == 'AMD64'", {"windows-amd64"}),
        ("platform_python_implementation != 'CPython'", set()),
    ],
)
def test_markers_of_each_target(marker, expected):
    holds = markers.Marker(marker).evaluate
    assert {name for name in dict(EVERY) if holds(parse_target(name, "3.11").environment())} == expected


def test_markers_see_the_patch_release():
    marker = markers.Marker("python_full_version < '3.11.3'")
    target = parse_target("linux-x86_64", "3.11")
    assert marker.evaluate(target.environment(0))
    assert not marker.evaluate(target.environment(99))


# the host


@pytest.mark.parametrize(
    ("sys_platform", "machine", "expected"),
    [
        ("linux", "x86_64", "linux-x86_64"),
        ("linux", "aarch64", "linux-aarch64"),
        ("linux", "arm64", "linux-aarch64"),
        ("win32", "AMD64", "windows-amd64"),
        ("win32", "x86_64", "windows-amd64"),
        ("win32", "ARM64", "windows-arm64"),
        ("darwin", "arm64", "macos-arm64"),
        ("darwin", "x86_64", "macos-x86_64"),
        ("freebsd14", "amd64", "freebsd14-x86_64"),
    ],
)
def test_a_host_by_what_python_says_of_it(monkeypatch, sys_platform, machine, expected):
    monkeypatch.setattr(sys, "platform", sys_platform)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(platform, "libc_ver", lambda: ("glibc", "2.36"))
    assert str(host_target()) == expected
    assert host_target().python == f"{sys.version_info[0]}.{sys.version_info[1]}"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [(("glibc", "2.36"), (2, 36)), (("glibc", "2.9.1"), (2, 9)), (("", ""), None), (("libc", "6"), None)],
)
def test_glibc_of_a_host(monkeypatch, answer, expected):
    monkeypatch.setattr(platform, "libc_ver", lambda: answer)
    assert host_glibc() == expected

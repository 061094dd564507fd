"""Two wheels that own one file: the manifest names the winner, and whatever uv leaves there, its file is installed."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest

from bundle.manifest import Manifest, parse_manifest
from bundle.product.conflict import Conflict
from bundle.wheels import overlaps
from bundle.wheels.conflicts import decided
from installer.layout.prefix import Prefix
from installer.release import receipt, signed
from installer.release.digests import Digests
from installer.release.installation import active
from recovery.planning.other_versions import unchanged
from shared.errors import TrustError
from shared.processes import process
from shared.programs.uv import Uv
from tests.recovery.conftest import Host
from tests.tiny import install_tiny, tiny_bundle
from tests.validator.checking import look
from tests.wheels import make_wheel
from validator.check import FAIL, PASS
from validator.checks.packages.record import Record

ENVIRONMENT = overlaps.environment_of(f"{sys.version_info[0]}.{sys.version_info[1]}")
SITE, SCRIPTS = (folder.removeprefix("venv/") for folder in (ENVIRONMENT.site, ENVIRONMENT.scripts))
MODULE = f"{SITE}/tiny_shared/__init__.py"
TOOL = f"{SCRIPTS}/tiny-tool" + (".exe" if sys.platform == "win32" else "")
OWNERS = ("tiny-one", "tiny-two")


def by_path(conflicts):
    return tuple(sorted(conflicts, key=lambda one: one.path))


DECIDED = by_path((Conflict(MODULE, OWNERS, "tiny-one"), Conflict(TOOL, OWNERS, "tiny-two")))
FILES = {
    name: {
        f"{name.replace('-', '_')}.py": "def main() -> None:\n    pass\n",
        "tiny_shared/__init__.py": f"OWNER = '{name}'\n",
        "tiny_shared/same.py": "",
    }
    for name in OWNERS
}


def shared(folder, conflicts=DECIDED):
    """Build a bundle with two wheels that both own a module, a script, and a module of the same contents."""
    scripts = {name: f"[console_scripts]\ntiny-tool = {name.replace('-', '_')}:main\n" for name in OWNERS}
    packages = {name: ("1.0", files) for name, files in FILES.items()}
    return tiny_bundle(folder, packages=packages, scripts=scripts, conflicts=conflicts, probe=None)


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Install the bundle, while uv leaves the file that should lose."""
    install, folder = Uv.install, tmp_path_factory.mktemp("shared")

    def lost_race(self, python, pylock):
        install(self, python, pylock)
        environment = python.parent.parent
        if environment.name == "venv":
            for path in (MODULE, TOOL):
                (environment / path).unlink()  # it is a hard link to uv's cache
                (environment / path).write_text("the other's\n")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Uv, "install", lost_race)
        tiny = shared(folder / "bundle")
        return Host(install_tiny(tiny, folder / "prefix"), tiny)


def contested(host):
    """Return the owner that the module names, and whether the script starts the second package."""
    venv = host.release.venv
    return (venv / MODULE).read_text(), b"tiny_two" in (venv / TOOL).read_bytes()


WON = ("OWNER = 'tiny-one'\n", True)


def test_the_winners_files_are_installed_whatever_uv_left(installed):
    assert contested(installed) == WON
    owners = {item.path: item.owner for item in receipt.read_receipt(installed.release).items}
    assert (owners[f"venv/{MODULE}"], owners[f"venv/{TOOL}"]) == OWNERS
    compared = signed.compare(active(installed.prefix), Digests())
    assert (compared.deviations, compared.uncompared) == ((), {})
    assert look(Record, installed.prefix).status == PASS
    assert not (installed.release.path / ".work").exists()


def test_a_manifest_with_a_conflict_is_of_a_format_that_former_installers_refuse(installed, monkeypatch):
    data = installed.tiny.manifest.to_bytes()
    assert b'"format": 2' in data
    assert parse_manifest(data).conflicts == DECIDED
    assert b'"format": 1' in replace(installed.tiny.manifest, conflicts=()).to_bytes()
    monkeypatch.setattr(Manifest, "LATEST", 1)
    with pytest.raises(TrustError, match=r"^MANIFEST.json.format: not between 1 and 1\.$"):
        parse_manifest(data)


@pytest.mark.parametrize(
    ("damaged", "reinstalled"),
    [
        ([MODULE], {"tiny-one"}),
        ([TOOL], {"tiny-two"}),
        ([f"{SITE}/tiny_two.py"], {"tiny-two"}),  # the loser of the module writes it again
        ([f"{SITE}/tiny_one.py", TOOL], set(OWNERS)),
    ],
    ids=["winner", "script", "loser", "both"],
)
def test_a_repair_gives_the_winner_its_file(installed, tmp_path, damaged, reinstalled):
    host = Host(Prefix(tmp_path / "prefix"), installed.tiny)
    assert process.run(["cp", "-a", str(installed.prefix.root), str(host.prefix.root)], timeout=60).ok
    for path in damaged:
        (host.release.venv / path).chmod(0o644)
        (host.release.venv / path).write_text("evil\n")
    assert look(Record, host.prefix).status == FAIL
    done = host.recover()
    assert done.plan.packages == reinstalled
    assert contested(host) == WON
    assert look(Record, host.prefix).status == PASS
    assert signed.compare(active(host.prefix), Digests()).deviations == ()


MISSING = Conflict(f"{SITE}/tiny_lib/more.py", OWNERS, "tiny-one")
SAME = Conflict(f"{SITE}/tiny_shared/same.py", OWNERS, "tiny-one")
STRANGER = replace(DECIDED[-1], packages=("tiny-lib", "tiny-one", "tiny-two"))


@pytest.mark.parametrize(
    ("conflicts", "reason"),
    [
        ((), r"tiny_two-1.0\S+ it installs '.*', and so does .*tiny_one-1.0.*, with different contents"),
        (DECIDED[:1], "with different contents"),
        ((*DECIDED, MISSING), "conflicts: '.*tiny_lib/more.py' is not a file that tiny-one, tiny-two install"),
        ((*DECIDED, SAME), "conflicts: '.*tiny_shared/same.py' is not a file that"),
        ((*DECIDED[:-1], STRANGER), "conflicts: '.*' is not a file that tiny-lib, tiny-one, tiny-two install"),
    ],
    ids=["none", "one", "of-neither", "same", "stranger"],
)
def test_a_manifest_that_decides_wrongly_is_refused(installed, conflicts, reason):
    manifest = replace(installed.tiny.manifest, conflicts=by_path(conflicts))
    wheels = active(installed.prefix).store.wheels(manifest.of_kind("wheel"))
    with pytest.raises(TrustError, match=reason):
        decided(manifest, wheels)


def test_a_refused_decision_leaves_nothing_installed(tmp_path):
    tiny, prefix = shared(tmp_path / "bundle", by_path((*DECIDED, MISSING))), tmp_path / "prefix"
    with pytest.raises(TrustError, match="is not a file that"):
        install_tiny(tiny, prefix)
    assert Prefix(prefix).active() is None
    assert [path.name for path in prefix.iterdir()] == ["state"]


def test_a_wheel_with_one_path_twice_is_refused(tmp_path):
    member = "tiny_one-1.0.data/purelib/tiny_one.py"
    wheel = make_wheel("tiny-one", "1.0", {"tiny_one.py": "", member: "x = 1\n"})
    (tmp_path / "wheel").write_bytes(wheel)
    with pytest.raises(TrustError, match=r"^tiny: it installs '.*tiny_one.py' twice, with different contents\.$"):
        overlaps.require_none([(tmp_path / "wheel", "tiny")], "3.11")


def test_other_versions_keep_only_what_was_decided_for_the_same_wheels(installed):
    manifest = installed.tiny.manifest
    assert unchanged(manifest, manifest.packages) == DECIDED
    newer = [replace(one, version="2.0") if one.name == "tiny-one" else one for one in manifest.packages]
    assert unchanged(manifest, newer) == ()

"""What an installation leaves compiled, and how its application imports."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from importlib.util import cache_from_source
from typing import Any

import pytest

from installer.layout.prefix import Prefix
from installer.release import acceptance, bytecode
from installer.release.installation import active
from installer.release.receipt import compare, read_receipt
from recovery.recover import recover
from shared.errors import InstallError
from shared.terminal.progress import NoProgress
from tests.installed import APPLICATION, LIB, Installation, install_made, make_prefix
from tests.wheels import Wheel

RARE = Wheel("demo-rare", "1.0", {"demo_rare/__init__.py": "", "demo_rare/part.py": "PART = 1\n"})
BROKEN = Wheel("demo-broken", "1.0", {"demo_broken.py": "raise SystemExit('not here')\n"})
BASE = Wheel("demo-base", "2.0.1", {"demo_base.py": "NAME = 'base'\n"})
OURS = b"""\
import demo_lib
def work():
    return demo_lib.embed("ab", [1])
def rare():
    from demo_rare import part
    import demo_broken
"""
APP = b"""\
import sys, ours
if "work" in sys.argv:
    print("demo_lib" in sys.modules, ours.work())
if "--strict" in sys.argv and "demo_lib" not in sys.modules:
    sys.exit("somebody needs demo_lib at once")
"""
LAZY = replace(APPLICATION, lazy_imports=("demo_lib",))
MADE: dict[str, Any] = {
    "source": {"app.py": APP, "ours.py": OURS},
    "wheels": (LIB, BASE, RARE, BROKEN),
    "application": LAZY,
    "probe": None,
}


def demo(prefix, *arguments: str) -> str:
    env = {"PATH": os.environ["PATH"], "DEMO_API_KEY": "k"}
    ended = subprocess.run([prefix.bin / "demo", *arguments], env=env, capture_output=True, text=True, check=True)
    return ended.stdout.strip()


def test_an_import_that_the_profile_puts_off_takes_place_at_first_use(tmp_path) -> None:
    assert demo(make_prefix(tmp_path, **MADE), "work") == "False [2]"
    eager = make_prefix(tmp_path / "eager", **{**MADE, "application": APPLICATION})
    assert demo(eager, "work") == "True [2]"


def test_all_that_the_application_imports_is_compiled_and_sealed(tmp_path) -> None:
    prefix = make_prefix(tmp_path, **MADE)
    release = prefix.active()
    site = release.site_packages(release.manifest().target.python)
    # demo_rare.part is imported in a function that no command calls, demo_broken never ends well
    for module in (
        release.app / "ours.py",
        release.app / "app.py",
        site / "demo_rare/part.py",
        site / "demo_lib/__init__.py",
    ):
        assert os.path.isfile(cache_from_source(str(module))), module
    demo(prefix, "work")
    assert compare(release, read_receipt(release)) == []


def test_a_smoke_command_that_fails_under_lazy_imports_ends_the_installation(tmp_path) -> None:
    strict = (("demo", "--strict"),)
    assert make_prefix(tmp_path / "eager", **{**MADE, "application": replace(APPLICATION, smoke=strict)}).active()
    with pytest.raises(InstallError, match="somebody needs demo_lib at once"):
        install_made(Prefix(tmp_path / "lazy"), Installation(**{**MADE, "application": replace(LAZY, smoke=strict)}))


def test_a_repaired_release_imports_as_the_damaged_one_did(tmp_path) -> None:
    prefix = make_prefix(tmp_path, **MADE)
    damaged = prefix.active()
    site = damaged.site_packages(damaged.manifest().target.python)
    (site / "demo_rare/part.py").unlink()
    assert recover(prefix, lambda _plan: True, NoProgress()).applied
    release = prefix.active()
    assert release != damaged
    assert demo(prefix, "work") == "False [2]"
    assert os.path.isfile(cache_from_source(str(release.app / "ours.py")))


def test_an_application_that_cannot_be_compiled_works_all_the_same(tmp_path, monkeypatch) -> None:
    reported = []

    class Telling(NoProgress):
        def warn(self, text: str) -> None:
            reported.append(text)

    prefix = make_prefix(tmp_path, **MADE)
    monkeypatch.setattr(bytecode, "COMPILE", "raise SystemExit('no compiler')")
    installation, progress = active(prefix), Telling()
    env = acceptance.basic_environment()
    assert bytecode.compile_application(installation, env, progress) == []
    assert reported == ["The application could not be compiled, so it will start slowly: no compiler"]

"""Upgrades on a Windows host. They come last: it remembers the highest counter that it has accepted."""

from __future__ import annotations

import pytest

from bundle.names import INSTALLER
from tests.hosts.windows import ENVIRONMENT
from tests.stories.operator import refused
from tests.stories.workshop import succeeded

pytestmark = [pytest.mark.index, pytest.mark.host]


def test_upgrade_fail_and_roll_back(operator, small):
    first = operator.status()["active"]
    operator.note("first")
    second = operator.install(operator.copy_in(small("0.2.0")))
    assert second["former"] == first
    assert operator.note("second")["version"] == "0.2.0"
    said = refused(
        operator.installer(operator.copy_in(small("0.9.0")), "install"), 5, "not ready for the closed network"
    )
    assert f"The active release is still {second['active']}." in said
    succeeded(operator.tool("rollback"))
    answered = operator.note("third")
    assert (answered["version"], answered["notes"][-3:]) == ("0.1.0", ["first", "second", "third"])


def test_after_a_rollback_the_newer_tool_goes_on_to_serve(operator, small):
    """The release that is active is made one of an installer that does not know the tool's command."""
    first = operator.status()["active"]
    operator.install(operator.copy_in(small("0.2.0")))
    succeeded(operator.tool("rollback"))
    active = operator.path(f"releases\\{first}")
    (active / "command").unlink()
    (active / "bundle" / INSTALLER).unlink()
    assert operator.status()["active"] == first
    operator.path("current.json").unlink()
    assert operator.status()["active"] is None  # what repairs it can be started, by the installer of any release


def test_a_release_that_runs_stays_until_it_ends(operator, small):
    first = operator.status()["active"]
    program = f"{operator.prefix}\\bin\\note.cmd"
    command = (
        "wine",
        "C:\\python\\3.11\\python.exe",
        "-c",
        f"import subprocess; subprocess.call([r'{program}', 'wait'])",
    )
    with operator.host.host.background(*command, ready="waiting", env=ENVIRONMENT) as lines:
        for version in ("0.2.0", "0.3.0"):
            operator.install(operator.copy_in(small(version)))
        assert operator.note("new")["version"] == "0.3.0"
        stored = operator.path(f"releases\\{first}")
        assert (stored / "venv/Lib/site-packages/idna/__init__.py").exists()
        operator.path("data\\go").write_text("")
        for _ in range(600):
            if any('"0.1.0"' in line for line in lines):
                break
            operator.host.host.run("sleep", "0.1")  # the application writes its last line
        assert any('"0.1.0"' in line for line in lines), lines

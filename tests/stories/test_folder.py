"""From a folder on a stick to a running application: what somebody types at a terminal, and nothing else."""

from __future__ import annotations

import re

import pytest

from tests.hosts import closed
from tests.hosts.roots import OPERATOR
from tests.stories.operator import Operator
from tests.stories.test_ways_in import HELLO
from tests.terminal import Dialogue

pytestmark = [pytest.mark.index, pytest.mark.host]
ROW = re.compile(r"^ *((?:[0-9a-f]{4} ){3}[0-9a-f]{4}) *$", re.MULTILINE)


@pytest.fixture
def person(operator):
    """Give somebody without privileges at the host, who has installed nothing yet."""
    return Operator(operator.host, OPERATOR, f"{closed.HOMES[OPERATOR]}/.local/share/ragtrace/hello-site")


def at(person, *argv: str, cwd: str, language: str = "C.UTF-8") -> Dialogue:
    """Let the person start a program at a terminal of the host, which has no network."""
    host = person.host
    inside = host._entering(argv, user=person.user, cwd=cwd, loopback=False)
    return Dialogue(inside, env={**closed._environment(person.user, None), "LANG": language})


def slip_of(bundle) -> list[str]:
    """Return the rows of the installer's digest on the slip, which comes out of band."""
    text = (bundle.with_name(f"{bundle.name}.slip") / "TRUST-SLIP.txt").read_text(encoding="utf-8")
    return ROW.findall(text)[:4]


def test_a_folder_on_a_stick_becomes_a_running_application(workshop, person):
    bundle, later = workshop.hello(person.host.python), workshop.hello_by(workshop.key, "9000000000", "3.11")
    stick = f"/mnt/stick/{bundle.name}"
    person.host.put(bundle, stick)
    person.host.make_readonly("/mnt/stick")
    try:
        shell = at(person, "sh", cwd=person.home)
        shell.type(f"cp -r {stick} copied && cd copied && sh install.sh")
        shown = shell.until("  > ")
        rows = slip_of(bundle)
        assert ROW.findall(shown) == rows  # the comparison
        assert not person.exists(person.prefix)

        before = len(shell.typed)
        shell.type(rows[0][:9])
        shell.until("hello-site 1.0.0, 1 package; signed by SHA256:")
        shell.until("Installed hello-site 1.0.0.")
        command = re.search(r"Command: +(\S+)", shell.until("Next: "))[1]
        shell.until("Enter...")
        shell.type("")
        shell.type(f"{command} 안녕하세요")
        shell.until(f"hello {HELLO}")
        assert len(shell.typed) - before <= 3
    finally:
        person.host.unmount("/mnt/stick")

    # a later release by the same signer needs no slip: a word is enough
    newer = person.copy_in(later, "later")
    shell.type(f"cd {newer} && python3 ragtrace-install.pyz")
    asked = shell.until("[Y/n]")
    assert "It replaces version 1.0.0 in" in asked
    shell.type("네")
    told = shell.until("Next: ")
    undo = re.search(r"Upgraded 1\.0\.0 \(\d+\) → 1\.0\.0 \(9000000000\); undo with: (.+)", told)[1]
    shell.type(undo)
    shell.until("Rolled back")
    shell.press(b"\x04")
    assert "Traceback" not in shell.shown
    assert shell.end() == 0


def test_without_the_slip_or_a_terminal_nothing_is_installed(workshop, operator):
    person = Operator(operator.host, "root", "/root/.local/share/ragtrace/hello-site")
    folder = person.copy_in(workshop.hello(operator.host.python), "unasked")
    done = person.installer(folder)
    assert done.returncode == 2
    assert f"{folder}/ragtrace-install.pyz install --dry-run\n" in done.stdout
    assert person.run("sh", f"{folder}/install.sh", stdin=b"").returncode == 2
    dialogue = at(person, "python3", f"{folder}/ragtrace-install.pyz", cwd="/", language="ko_KR.UTF-8")
    dialogue.until("처음 8자")
    dialogue.type("")
    assert dialogue.end() == 2
    assert not person.exists(person.prefix)

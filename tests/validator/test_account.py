"""Root validates what runs for a service account: programs of the application have that account's rights."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from bundle.product.application import Container, Dashboard
from installer.release import acceptance
from installer.release.installation import active as installed
from shared.errors import ToolError
from shared.processes import process, supervised
from tests import everyone
from tests.installed import APPLICATION, make_prefix
from tests.validator.checking import change, look_all, release_of, snapshot
from validator.check import PASS
from validator.checks.application.cli import Commands
from validator.checks.application.container import ContainerObject
from validator.checks.application.dashboard import DashboardAnswer
from validator.checks.packages.imports import Imports
from validator.checks.performance.start import StartTime
from validator.trials import apart, trial

NOBODY = 65534
ACCOUNT = process.Account(NOBODY, NOBODY, (), "/")
pytestmark = pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="root acts for others")
# fails for root, and where it cannot write what is the account's, or could write what is not
APP = """\
import http.server, os, pathlib, sys
def work():
    ids = {os.getuid(), os.geteuid(), os.getgid(), os.getegid(), *os.getgroups()}
    if 0 in ids:
        sys.exit(f"it has rights of root: {ids}")
    here = pathlib.Path(__file__).parent
    (here / "data" / "seen").write_text("x")
    if pathlib.Path.cwd() != here:
        pathlib.Path("report").write_text("x")
    try:
        (here / "new").write_text("x")
    except PermissionError:
        return
    sys.exit("it can write its own program")
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
    def log_message(self, *arguments):
        pass
if __name__ == "__main__":
    work()
    if sys.argv[1] == "serve":
        http.server.HTTPServer(("127.0.0.1", int(sys.argv[2])), Page).serve_forever()
else:
    work()
    class Parts:
        check_dependencies = staticmethod(work)
"""


@pytest.fixture
def served(monkeypatch):
    """Give an installation whose data are another account's, in a folder that it can reach."""
    with tempfile.TemporaryDirectory(prefix="ragtrace-tests-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        everyone.use_python(monkeypatch)
        application = replace(
            APPLICATION, dashboard=Dashboard(("demo", "serve", "{port}")), container=Container("app:Parts")
        )
        prefix = make_prefix(folder, application=application)
        change(release_of(prefix).app / "app.py", APP.encode())  # it is tried out by root, for now, before it is active
        for path in (prefix.data, *prefix.data.rglob("*")):
            shutil.chown(path, NOBODY, NOBODY)
        monkeypatch.setattr(tempfile, "tempdir", str(everyone.temporary(folder)))
        yield prefix


@pytest.mark.parametrize(
    ("check", "cut_off"),
    [
        *((check, True) for check in (Commands, ContainerObject, DashboardAnswer, StartTime, Imports)),
        *((check, False) for check in (Commands, DashboardAnswer)),
    ],
)
def test_a_check_runs_the_application_as_the_account_and_changes_nothing(served, monkeypatch, check, cut_off) -> None:
    if not cut_off:
        monkeypatch.setattr(apart, "possible", lambda: False)
    before = snapshot(served.root)
    results = look_all(check, served)
    assert [result.details for result in results if result.status != PASS] == []
    assert snapshot(served.root) == before
    assert list(Path(tempfile.gettempdir()).iterdir()) == []


def test_a_program_has_the_accounts_groups_and_home(served) -> None:
    code = "import json, os; print(json.dumps([os.getresuid(), os.getresgid(), os.getgroups(), os.environ['HOME']]))"
    ended = trial.run_python(installed(served), ["-c", code], timeout=60)
    users, groups, more, home = json.loads(ended.stdout)
    assert (users, groups) == ([NOBODY] * 3, [NOBODY] * 3)
    assert 0 not in more
    assert home != os.environ["HOME"]


# moves what root will come back to out of the way, and puts links in its place
HOSTILE = """\
import os, pathlib, sys
root, victim = pathlib.Path(__file__).parents[3], pathlib.Path({victim!r})
with open(victim.parent / "ran", "a") as ran:
    ran.write(f"{{os.geteuid()}} {{os.getcwd()}}\\n")
swapped = [["caller", "data"], [], ["releases"]]
runs = (victim.parent / "ran").read_text().count("\\n")
for name in swapped[runs - 1] if runs <= len(swapped) else []:
    os.rename(root / name, root / f"{{name}}.was")
    os.symlink(victim, root / name)
"""


def test_links_that_the_account_lays_where_it_is_tried_lead_root_nowhere(served) -> None:
    top, release = served.root.parent, release_of(served)
    victim = top / "victim"
    (victim / release.id).mkdir(parents=True)
    (victim / release.id / "run.json").write_text("root's")
    (top / "ran").touch()
    (top / "ran").chmod(0o666)
    change(release.app / "app.py", HOSTILE.format(victim=str(victim)).encode())
    look_all(StartTime, served)
    ran = [line.split(" ", 1) for line in (top / "ran").read_text().splitlines()]
    assert len(ran) >= 3
    assert {user for user, _folder in ran} == {str(NOBODY)}
    assert {path.lstat().st_uid for path in (victim, *victim.rglob("*"))} == {0}
    assert [*victim.rglob("*")] == [victim / release.id, victim / release.id / "run.json"]
    assert (victim / release.id / "run.json").read_text() == "root's"
    assert list(Path(tempfile.gettempdir()).iterdir()) == []


def test_a_folder_is_entered_with_the_accounts_rights(served, monkeypatch) -> None:
    """It may have put a link there to one that only root can enter."""
    closed = served.root.parent / "closed"
    closed.mkdir(mode=0o700)
    argv, env = [supervised.interpreter(), "-I", "-c", "import os; os.stat('.')"], acceptance.basic_environment()

    def enter(folder: Path) -> process.Completed:
        return apart.run(argv, env=env, account=ACCOUNT, cwd=folder, timeout=60)

    if apart.possible():
        assert f"PermissionError: [Errno 13] Permission denied: '{closed}'" in enter(closed).stderr
        assert enter(closed.parent).ok
    monkeypatch.setattr(apart, "possible", lambda: False)
    with pytest.raises(ToolError, match=re.escape(str(closed))):
        enter(closed)
    assert enter(closed.parent).ok

"""Brings a condition about on a closed host, tries a command under it, and looks at what was left.

``python -m tests.hosts.conditions.bench [ROW…]`` shows what is seen, for whoever writes a row.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shlex
import shutil
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.processes import process
from shared.terminal.console import show, show_lines
from tests import tiny
from tests.hosts import closed, needs
from tests.hosts.conditions import row as rows
from tests.hosts.roots import OPERATOR_ID, RECIPES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.hosts.conditions.row import Row

HERE = Path(__file__).parent
OUTSIDE = ("/srv/others", "/srv/here", "/etc", "/home", "/root", "/tmp", "/var/tmp", rows.MEDIUM)
SETTINGS = f"# mine\n{tiny.KEY}=secret\n"
TIME = 120  # seconds
CODES = (0, 1, 2, 3, 4, 5, 6, 8, 129, 130, 141, 143)
NOT_RUN = -1
STARTED = ("/bin/sh", "-c", 'exec "$0" "$@"')  # env(1) would take a path with = in it for a variable
BROKEN = re.compile("Traceback|is a bug in|Exception ignored|Fatal Python error|Segmentation")
COMMANDS = {
    rows.INSTALL: ("install", "{medium}/bundle", "--trust-key", "{medium}/key.pub"),
    rows.DRY: ("install", "{medium}/bundle", "--trust-key", "{medium}/key.pub", "--dry-run"),
    rows.VERIFY: ("verify", "{medium}/bundle", "--trust-key", "{medium}/key.pub"),
    rows.STATUS: ("status",),
    rows.VALIDATE: ("validate", "--quick"),
    rows.ROLLBACK: ("rollback",),
    rows.RECOVER: ("recover", "--yes"),
    rows.BACKUP: ("backup",),
    rows.UNINSTALL: ("uninstall", "--yes"),
    "history": ("history",),
    "audit-log": ("audit-log", "verify"),
    "monitor": ("monitor", "--count", "1", "--interval", "0.1"),
    "advisories": ("advisories", "show"),
    "trust": ("trust", "show"),
    "list-checks": ("list-checks",),
    "json": ("status", "--json"),
    "report": ("validate", "--quick", "--json"),
}
WITHOUT_PREFIX = (rows.VERIFY, "list-checks", "trust")
BASE = """
set -e
mount -t tmpfs own /srv/own
for place in etc home root opt mnt tmp var/tmp srv/here; do
    name=$(echo $place | tr / -)
    mkdir /srv/own/$name /srv/own/$name.work
    upper=upperdir=/srv/own/$name,workdir=/srv/own/$name.work
    if ! mount -t overlay -o lowerdir=/$place,$upper own /$place 2>/dev/null; then
        cp -a /$place/. /srv/own/$name
        mount --bind /srv/own/$name /$place
    fi
done
chmod 1777 /tmp /var/tmp
mkdir /srv/own/dev
"""


@dataclass(frozen=True)
class Seen:
    """How a command ended under a condition, and what look.py told before and after it."""

    row: Row
    command: str
    code: int
    out: str
    err: str
    before: dict[str, Any]
    after: dict[str, Any]
    status: int  # the exit code of a status without the condition's limits, afterwards
    works: int  # that of the application
    described: str  # what these two wrote

    def faults(self) -> list[str]:
        """Return what must not be, whatever the condition."""
        found = []
        if self.code not in CODES or self.status not in (*CODES, NOT_RUN):
            found.append(f"exit code {self.code}, and of status {self.status}")
        if shown := BROKEN.search(self.out + self.err + self.described):
            found.append(f"it shows {shown[0]!r}")
        lost = _changed(self.before["data"], self.after["data"])
        if lost:
            found.append(f"the user's data: {lost}")
        for folder, before in self.before["others"].items():
            if strange := _changed(before, self.after["others"][folder], came=True):
                found.append(f"{folder}: {str(strange)[:400]}")
        was, now = self.before["active"], self.after["active"]
        if "not whole" in str(now) or (was and now is None and self.command != rows.UNINSTALL):
            found.append(f"active was {was}, and is {now}")
        if self.code not in (0, 1) and now != was and self.command != rows.UNINSTALL and not self._activated():
            found.append(f"it failed, and {now} is active and not {was}")
        return found

    def _activated(self) -> bool:
        """Tell whether it says itself that the new release is active."""
        return str(self.after["active"]) in self.err + self.out or self.code in (129, 141, 143)


def _changed(before: dict[str, str], after: dict[str, str], *, came: bool = False) -> dict[str, tuple[str, str]]:
    names = before.keys() | after.keys() if came else before.keys()
    pairs = {name: (before.get(name, "-"), after.get(name, "-")) for name in names}
    return {name: (old, new) for name, (old, new) in pairs.items() if old != new and not _is_ours(name)}


def _is_ours(name: str) -> bool:
    """Tell whether a path is on the way to our own folders, or the place of the installation."""
    return (
        name in (".cache", ".local", ".local/state", ".local/share")
        or any(
            name == end or name.endswith(f"/{end}") or f"/{end}/" in f"/{name}/"
            for end in (".cache", ".local", "place", "ragtrace")
        )
        or name.startswith("ragtrace-")
    )


class Unmade(Exception):  # noqa: N818  an expected negative of two conditions that exclude each other
    """The lines that bring a condition about failed."""


class Bench:
    """A closed host with the installer, a bundle, and a prefix with two releases to start from."""

    def __init__(self, host: closed.Host) -> None:
        self.host = host

    def see(self, row: Row, command: str) -> Seen:
        """Try a command under a condition. Raises Unavailable where the condition cannot be made here."""
        for name, package in row.needs:
            needs.program(name, package=package)
        if row.shim.get("refused") and platform.machine() != "x86_64":
            raise needs.Unavailable("system calls are refused by their numbers on x86-64", installable=False)
        result = self.host.path("/srv/result")
        shutil.rmtree(result, ignore_errors=True)
        result.mkdir()
        (result / "run").write_text(self.script(row, command), errors="surrogateescape")  # longer than arguments may be
        env = {"PLACE": row.place, "PREFIX": row.prefix, "MEDIUM": row.medium}
        ended = self.host.run(
            "unshare",
            "--mount",
            "--propagation=private",
            "bash",
            "/srv/result/run",
            env=env,
            timeout=TIME,
        )
        if not (result / "code").exists():
            raise Unmade(f"{row.id}: {ended.returncode} {ended.stderr[-800:]}")

        def read(name: str) -> str:
            return (result / name).read_text(errors="replace") if (result / name).exists() else ""

        return Seen(
            row, command, int(read("code")), ended.stdout, ended.stderr, json.loads(read("before")),
            json.loads(read("after")), int(read("status.code") or NOT_RUN), int(read("works.code") or NOT_RUN),
            read("status") + read("works"),
        )  # fmt: skip

    def script(self, row: Row, command: str) -> str:
        """Return the whole run, as lines for bash."""
        user = {rows.OPERATOR: OPERATOR_ID, rows.ROOT: 0}.get(row.user)
        user = int(row.user) if user is None else user
        inspect = f'/usr/bin/python3 -I -S /srv/tests/look.py "$PREFIX" {" ".join(OUTSIDE)}'
        plain = replace(row, shim={}, through=(), env={}, python=rows.PYTHON)
        fill = f'cp -a /srv/template/both "$PREFIX"; chown -hR {user}:{user} "$PREFIX"' if row.start == "both" else ""
        return f"""{BASE}
cp -a /srv/template/state/. /etc/
{row.mounts}
[ -e "$PLACE" ] || {{ mkdir -p "$PLACE"; chown {user}:{user} "$PLACE"; }}
{fill}
[ "$MEDIUM" = {rows.MEDIUM} ] || {{ mkdir -p "$MEDIUM"; cp -a {rows.MEDIUM}/. "$MEDIUM"; }}
{row.before}
{inspect} > /srv/result/before
cd {shlex.quote(row.cwd)}
set +e
{self.line(row, command, user)}
echo $? > /srv/result/code
{row.after}
{inspect} > /srv/result/after
if [ -d "$PREFIX" ]; then
{self.line(plain, rows.STATUS, user)} > /srv/result/status 2>&1
echo $? > /srv/result/status.code
fi
if [ -e "$PREFIX/bin/tiny" ]; then
{self.shell(plain, [*STARTED, f"{row.prefix}/bin/tiny", "embed", tiny.SENTENCE], user)} > /srv/result/works 2>&1
echo $? > /srv/result/works.code
fi
exit 0
"""

    def line(self, row: Row, command: str, user: int) -> str:
        """Return the line that runs a command of the installer."""
        words = [word.format(medium=row.medium) for word in COMMANDS[command]]
        if command not in WITHOUT_PREFIX:
            words += ["--prefix", row.prefix]
        return self.shell(row, [*row.python, f"{row.medium}/ragtrace-install.pyz", *words], user)

    def shell(self, row: Row, argv: list[str], user: int) -> str:
        """Return the line that runs a program as a user, under what it inherits by the condition."""
        home = {0: "/root", OPERATOR_ID: rows.HOME}.get(user, "/nonexistent")
        env = {"PATH": closed.SEARCH_PATH, "HOME": home, "LANG": "C.UTF-8", **row.env}
        setting = [f"{name}={value}" for name, value in env.items() if value is not None]
        become = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"] if user else []
        shim = ["/usr/bin/python3", "-I", "-S", "/srv/tests/shim.py", json.dumps(dict(row.shim))] if row.shim else []
        return shlex.join([*row.through, *become, "env", "-i", *setting, *shim, *argv])


@contextmanager
def bench(zipapp: Path, scratch: Path) -> Iterator[Bench]:
    """Start a host and install twice on it, which takes some seconds. Raises Unavailable."""
    python = f"{sys.version_info[0]}.{sys.version_info[1]}"
    recipe = next((name for name in ("bookworm", "trixie", "sid") if RECIPES[name].python == python), None)
    if recipe is None:
        raise needs.Unavailable(
            f"no closed host has the CPython {python} that bundles are made for here", installable=False
        )
    bundles = {"old": tiny.tiny_bundle(scratch / "old")}
    for number, name in ((1, "former"), (2, "new")):  # one is on the medium, and not installed yet
        bundles[name] = tiny.tiny_bundle(
            scratch / name, counter=tiny.COUNTER + number, version=f"{number + 1}.0.0", key=scratch / "old" / "key",
            sources={"data/questions.csv": f"새 질문 {number},답\n"},
        )  # fmt: skip
    with closed.closed_host(recipe, scratch / "host") as host:
        _furnish(host, zipapp, bundles)
        yield Bench(host)


def _furnish(host: closed.Host, zipapp: Path, bundles: dict[str, tiny.Tiny]) -> None:
    """Bring what is needed, and make the prefix that runs start from."""
    for folder in ("own", "here", "result", "template/state", "others"):
        host.path(f"/srv/{folder}").mkdir(parents=True)
    host.path("/srv/here").chmod(0o1777)
    host.path("/srv/others/file").write_text("of others\n")
    for name in ("shim.py", "look.py"):
        host.put(HERE / name, f"/srv/tests/{name}")
    for name, bundle in bundles.items():
        host.put(bundle.folder, f"/srv/{name}/bundle")
        host.put(zipapp, f"/srv/{name}/ragtrace-install.pyz")
        host.put(bundle.key, f"/srv/{name}/key.pub")
    host.path("/srv/new").rename(host.path(rows.MEDIUM))
    _preload(host)
    prefix = f"{rows.HOME}/first"
    for medium in ("/srv/old", "/srv/former"):
        argv = ["/usr/bin/python3", f"{medium}/ragtrace-install.pyz", "install", f"{medium}/bundle"]
        done = host.run(*argv, "--trust-key", f"{medium}/key.pub", "--prefix", prefix, user="operator")
        assert done.ok, done.stderr
        if medium == "/srv/old":
            host.path(f"{prefix}/.env").write_text(SETTINGS)
            host.path(f"{prefix}/data/data/notes.txt").write_text("what I noted\n")
    assert host.run("mv", prefix, "/srv/template/both").ok
    warm = host.run("/usr/bin/python3", f"{rows.MEDIUM}/ragtrace-install.pyz", "--version")  # root's own cache
    assert warm.ok, warm.stderr


def _preload(host: closed.Host) -> None:
    """Compile the clock of our own, where there is a compiler."""
    if (gcc := shutil.which("gcc")) is None:
        return
    with tempfile.TemporaryDirectory() as folder:
        made = process.run(
            [gcc, "-shared", "-fPIC", "-O1", "-o", f"{folder}/clock.so", str(HERE / "clock.c")], timeout=60
        )
        assert made.ok, made.stderr
        host.put(Path(folder) / "clock.so", "/srv/clock.so")


def main() -> int:
    from tests.hosts.conditions.table import ROWS

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--zipapp", type=Path, required=True)
    parser.add_argument("--command", action="append")
    parser.add_argument("--show", action="store_true", help="all that it wrote")
    parser.add_argument("rows", nargs="*")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, bench(options.zipapp, Path(folder)) as place:
        for row in ROWS:
            if options.rows and row.id not in options.rows and row.kind not in options.rows:
                continue
            for command in options.command or row.ends:
                tell(place, row, command, whole=options.show)
    return 0


def tell(place: Bench, row: Row, command: str, *, whole: bool) -> None:
    began = time.monotonic()
    try:
        seen = place.see(row, command)
    except (Unmade, needs.Unavailable) as error:
        show(f"?? {row.kind}/{row.id} {command}: {error}")
        return
    wanted = row.ends.get(command)
    right = wanted is None or (seen.code == wanted.code and wanted.words in seen.err + seen.out)
    if row.works and command == rows.INSTALL and seen.code == 0 and seen.works:
        right = False
    mark = "ok" if right and not seen.faults() else "NO"
    show(
        f"{mark} {row.kind}/{row.id} {command}: {seen.code} {seen.status} {seen.works} {time.monotonic() - began:.1f} s"
    )
    if whole:
        show_lines(f"{seen.err}\n{seen.out}\n{seen.described}")
    elif mark == "NO" or (wanted and wanted.code):
        show_lines(f"     {seen.err[-600:]}\n     {seen.faults()} {seen.described[-300:] if seen.works else ''}")


if __name__ == "__main__":
    os.environ.setdefault("COLUMNS", "200")
    sys.exit(main())

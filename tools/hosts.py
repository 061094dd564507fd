"""Write docs/hosts.md: each host condition that the tests create, and the result of the tool under it.

``python -m tools.hosts`` writes the page; tests compare it with tests/hosts/conditions.
"""

from collections import Counter
from pathlib import Path

from tests.hosts.conditions.row import INSTALL, Ends, Row
from tests.hosts.conditions.table import KINDS, ROWS

PAGE = Path(__file__).resolve().parent.parent / "docs" / "hosts.md"
HEAD = """\
# Hosts

What the tests do to a host, and what the tool does then; this page is generated from `tests/hosts/conditions`
(`python -m tools.hosts`). Each row is created on a closed Debian host, and a command of the real installer is
run under it, where two releases, settings and data lie already unless the row says otherwise. Whatever the row: no
exit code 70, no traceback, settings and data the same, no file of others changed, and a whole release active, the
previous one where the command failed. Where a row says that `install` works, the new release is active and the
application answers.

The test of a row is `tests/hosts/test_conditions.py -k "ROW-COMMAND"`. `make test` runs a sample of each kind and 40
random pairs of conditions with a random command, `make hosts` all rows and 1,000 pairs. Versions of Python, systems
and media stand in [promises](promises.md#hosts-and-media-that-the-tests-make); variables and files that want to have
a say are in `tests/hostile/test_environments.py`, all commands under limits and streams in
`tests/hosts/test_limits.py`.

이 문서는 테스트가 호스트에 만드는 조건과 그때 도구가 하는 일을 정리한 표입니다. 각 조건은 폐쇄망 Debian
호스트에서 실제로 만들어지고, 그 상태에서 실제 설치 도구의 명령을 실행합니다. 어느 조건에서든 종료 코드
70과 트레이스백이 없고, 설정과 데이터, 다른 사용자의 파일은 그대로이며, 온전한 릴리스가 활성 상태로
남습니다. 명령이 실패하면 이전 릴리스가 그대로 활성입니다.
"""


def figures() -> tuple[int, int]:
    """Return the numbers of conditions under which ``install`` succeeds and is refused."""
    ended = Counter(row.ends[INSTALL].code == 0 for row in ROWS if INSTALL in row.ends)
    return ended[True], ended[False]


def described(row: Row) -> str:
    """Return the table cell with the commands' results; commands with the same result are grouped."""
    together: dict[Ends, list[str]] = {}
    for command, ends in row.ends.items():
        together.setdefault(ends, []).append(f"`{command}`")
    parts = []
    for ends, commands in together.items():
        what = f"exit code {ends.code}" if ends.code else ("works" if len(commands) == 1 else "work")
        parts.append(f"{', '.join(commands)}: {what}" + (f", “{ends.words}”" if ends.words else ""))
    return "; ".join(parts)


def page() -> str:
    """Return the page as Markdown."""
    works, refused = figures()
    parts = [HEAD, f"{len(ROWS)} conditions: under {works} `install` works, under {refused} it is refused.\n"]
    for kind in KINDS:
        parts += [f"## {kind}\n", "| row | condition | 조건 | what happens |\n|---|---|---|---|"]
        parts += [
            f"| `{row.id}` | {row.english} | {row.korean} | {described(row)} |" for row in ROWS if row.kind == kind
        ]
        parts.append("")
    return "\n".join(parts)


def main() -> None:
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()

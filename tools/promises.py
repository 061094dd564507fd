"""Write docs/promises.md: each promise of the requirements document, and its current state.

``python -m tools.promises`` writes the page; tests compare it with tools/promises.toml and the code.
The application's own figures come from docs/ragtrace-run.json, which is build/ragtrace/table.json of `make ragtrace`.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import tomllib

from tests.validator.mutations import MUTATIONS
from tools import hosts
from validator import check
from validator.registry import CHECKS

ROOT = Path(__file__).resolve().parent.parent
SOURCE, PAGE, RUN = (
    Path(__file__).with_suffix(".toml"),
    ROOT / "docs" / "promises.md",
    ROOT / "docs" / "ragtrace-run.json",
)
Table = dict[str, Any]  # as in tools/promises.toml
STATES = ("works", "partly", "not reached")
WANTED = 0.8  # the share of problems that the tool must solve
HEAD = """\
# Promises

Each line of the document that asked for this product, as it stands there, with what it means, and whether it holds:
**works**, **partly** or **not reached**, what shows it, and why where it is not. Figures are those of the page that is
named beside them. This page is generated from tools/promises.toml (`python -m tools.promises`); a test checks whether
every test, page and program that it names is there.
"""
RUN_HEAD = """\
## The application itself
`make ragtrace PROJECT=<checkout>` builds RAGTrace from its own repository and walks its whole life on a closed host;
`docs/ragtrace-run.json` is the table of the last such run.
"""
NOT_RUN = "Not measured yet.\n"


def read() -> Table:
    """Return the contents of tools/promises.toml."""
    return tomllib.loads(SOURCE.read_text(encoding="utf-8"))


def helped() -> Counter[str | None]:
    """Return the number of mutations with status FAIL or ERROR for each remedy."""
    return Counter(mutation.remedy for mutation in MUTATIONS if mutation.status in (check.FAIL, check.ERROR))


def figures(table: Table) -> dict[str, object]:
    """Return the values of the placeholders in the table."""
    remedies = helped()
    repaired, broken = remedies[check.RECOVER], remedies.total()
    works, refused = hosts.figures()
    more = sum(host.get("refused", False) for host in table["host"])
    works, refused = works + len(table["host"]) - more, refused + more
    return {
        "checks": len(CHECKS),
        "mutations": len(MUTATIONS),
        "recovered": f"{repaired} of {broken}: {repaired / broken:.0%}; {remedies[check.BUNDLE]} more take the bundle",
        "recovered_state": "works" if repaired / broken >= WANTED else "partly",
        "hosts": f"{works} of {works + refused} conditions of hosts and media: {works / (works + refused):.0%}; "
        f"the other {refused} are refused, and nothing is changed",
    }


def page() -> str:
    """Return the page as Markdown."""
    table = read()
    known = figures(table)
    promises = [promise for section in table["section"] for promise in section["promise"]]
    states = Counter(promise["state"].format(**known) for promise in promises)
    parts = [HEAD, ", ".join(f"{states[state]} {state}" for state in STATES) + f"; {len(promises)} in all.\n"]
    for section in table["section"]:
        parts.append(f"## {section['title']}\n{section['gist']}.\n")
        parts.append("| the document | meaning | | shown by | figure | why, or how far |\n|---|---|---|---|---|---|")
        parts += [row(promise, known) for promise in section["promise"]]
        parts.append("")
    return "\n".join([*parts, host_section(table["host"]), run_section()])


def row(promise: Table, known: dict[str, object]) -> str:
    """Return a promise as a row of its table."""
    shown = ", ".join(f"`{one}`" for one in promise["shown"])
    cells = (
        promise["line"],
        promise["gist"],
        f"**{promise['state'].format(**known)}**",
        shown,
        promise.get("figure", "").format(**known),
        promise.get("why", ""),
    )
    return "| " + " | ".join(cells) + " |"


def host_section(found: list[Table]) -> str:
    """Return the section with the conditions that the share of successful installations is based on."""
    lines = ["## Hosts and media that the tests make\n", "| condition | | shown by |\n|---|---|---|"]
    lines += [
        f"| {host['what']} | {'refused' if host.get('refused') else 'installs'} | `{host['shown']}` |" for host in found
    ]
    return "\n".join([*lines, ""])


def run_section() -> str:
    """Return the section with the figures of the last run with the application itself."""
    if not RUN.exists():
        return f"{RUN_HEAD}\n{NOT_RUN}"
    run = json.loads(RUN.read_text(encoding="utf-8"))
    reported = [RUN_HEAD, f"Commit {run['application_commit']}, {run['day']}, {run['model']}.\n"]
    reported.append("| step | seconds | the document | seen |\n|---|---:|---|---|")
    for step in run["rows"]:
        seconds = "" if step["seconds"] is None else f"{step['seconds']:.2f}"
        seen = " ".join((f"FAILED: {step['failed']}" if step.get("failed") else step["note"]).split())
        reported.append(f"| {step['step']} | {seconds} | {step['promised']} | {seen.replace('|', '/')} |")
    return "\n".join([*reported, ""])


def main() -> None:
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()

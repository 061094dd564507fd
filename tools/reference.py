"""Write the documentation that is generated from the code: docs/schemas, docs/checks.md and docs/mutations.md.

``python -m tools.reference`` writes the files; tests compare them with the current code.
"""

import json
from collections import Counter
from math import isfinite
from pathlib import Path

from bundle.strict import TEXT_LIMIT
from installer.logs.identity import Identity
from tests.validator.mutations import MUTATIONS
from tools.schemas.documents import schemas
from tools.schemas.words import DRAFT, Schema, closed, described, nullable, value
from validator import check, report
from validator.checks.performance.measured import DEFAULTS
from validator.registry import CHECKS

DOCS = Path(__file__).resolve().parent.parent / "docs"
TEXT = {"type": "string", "maxLength": TEXT_LIMIT}
FULL_TEXT = {**TEXT, "minLength": 1}
OPTIONAL_TEXT = {"type": ["string", "null"], "minLength": 1, "maxLength": TEXT_LIMIT}


def result_schema() -> Schema:
    """Return the schema of the result of one check, built in or a plugin."""
    number = {"type": "number"}
    properties = {
        "value": number,
        "unit": TEXT,
        "last": described(number, "the value of the last run here"),
        "threshold": described(number, "what is wanted at the least or at the most"),
    }
    metric = closed(properties, ("value", "unit"))
    properties = {
        "id": described({"type": "string", "maxLength": 200}, "which check said it"),
        "category": described({"enum": list(check.CATEGORIES)}, "RAGTrace stands for whatever application it is"),
        "check_name": described(FULL_TEXT, "the check's name, in the operator's language"),
        "status": described({"enum": list(check.STATUSES)}, "what could not be checked is SKIP or ERROR"),
        "details": described(TEXT, "what was seen"),
        "suggestion": described(TEXT, "what to do, where there is something"),
        "command": described(TEXT, "the command that does it, as it can be typed on this host"),
        "performance_metric": described(
            {"type": ["object", "null"], "additionalProperties": metric}, "what was measured"
        ),
        "evidence": described({"type": "object"}, "for machines; a hint that proves nothing"),
        "seconds": described({"type": "number", "minimum": 0}, "how long it took to see it"),
        "remedy": described({"enum": [None, *check.REMEDIES]}, "what helps; recover only where recover mends it now"),
    }
    return closed(properties, ("category", "check_name", "status", "details", "suggestion", "performance_metric"))


def report_schema() -> Schema:
    """Return the schema of a report of ``validate``."""
    properties = {
        "format": {"const": report.FORMAT},
        "timestamp": described({"type": "string", "format": "date-time"}, "UTC, to the second"),
        "system_info": described(
            {
                "type": "object",
                "properties": {
                    "platform": {"type": "string"},
                    "python_version": {"type": "string"},
                    "memory_gb": described({"type": "number"}, "10^9 bytes, 0 where this host does not tell"),
                    "cpu_count": {"type": "integer", "minimum": 1},
                },
                "required": ["platform", "python_version", "memory_gb", "cpu_count"],
            },
            "the host; more keys may come",
        ),
        "validation_results": {
            "type": "array",
            "items": {"$ref": "#/$defs/result"},
            "minItems": 1,
            "maxItems": report.RESULTS_LIMIT,
        },
        "overall_status": {"enum": list(report.OVERALL)},
        "recommendations": described({"type": "array", "items": FULL_TEXT}, "the most urgent first"),
        "title": described(TEXT, "the application's name"),
        "product": OPTIONAL_TEXT,
        "version": OPTIONAL_TEXT,
        "release": described(OPTIONAL_TEXT, "the active release; null where none is"),
        "prefix": described(OPTIONAL_TEXT, "where it is installed; null where nothing is"),
        "host": described(OPTIONAL_TEXT, "made from the machine ID, else from the host name; see identity"),
        "identity": described(nullable(value(Identity)), "of which host and installation this is"),
        "effort": described({"enum": [None, *check.EFFORTS]}, "how much was asked for"),
        "not_run": described(
            {"type": "object", "additionalProperties": FULL_TEXT},
            "which checks of a usual run overall_status says nothing of: identifier to name",
        ),
        "partial": described({"const": True}, "there if not_run has any"),
    }
    fixed = ("timestamp", "system_info", "validation_results", "overall_status", "recommendations")
    return {
        "$schema": DRAFT,
        "title": "Report of validate",
        **closed(properties, fixed),
        "$defs": {"result": result_schema()},
    }


CHECKS_HEAD = """\
# Checks

What `validate` checks; this table is generated from the code. `list-checks` prints it on a host, in the operator's
language. Effort: `--quick` runs the quick ones alone, `--full` the full ones too; a check that is named runs in any
case. Those that measure run one at a time. The limit is in seconds, `--timeout` replaces it.

Each yields PASS, WARN, FAIL, SKIP or ERROR; what could not be checked is SKIP or ERROR with the reason. A FAIL or
ERROR in Security or Packages makes the whole CRITICAL, any other makes it WARNING.
"""


def checks_table() -> str:
    """Return the page of all checks as Markdown, by category."""
    lines = [CHECKS_HEAD]
    for category in check.CATEGORIES:
        title = "RAGTrace (shown under the application's name)" if category == check.APPLICATION else category
        lines += [f"## {title}", "| identifier | title | what it does | effort | limit |", "|---|---|---|---|---|"]
        for kind in (kind for kind in CHECKS if kind.category == category):
            story = (kind.__doc__ or "").split("\n\n")[0].replace("\n", " ").replace("``", "`").strip()
            effort = f"{kind.effort}, measures" if kind.measures else kind.effort
            lines.append(f"| `{kind.id}` | {kind().title()} | {story} | {effort} | {kind.time_limit:.0f} |")
        lines.append("")
    lines += ["## Thresholds", "A profile sets its own in `[thresholds]`; what misses one is WARN.", ""]
    lines += ["| name | default |", "|---|---|"]
    for name, bound in DEFAULTS.items():
        words = "at least" if bound.at_least else "at most"
        lines.append(f"| `{name}` | {f'{words} {bound.value:g}' if isfinite(bound.value) else 'none'} |")
    lines.append("")
    lines.append("Custom checks are `plugin.NAME`: see [plugins](plugins.md).\n")
    return "\n".join(lines)


MUTATIONS_HEAD = """\
# Mutations

How the tests break a host or an installation, the check that must notice it, and the status that it gives; this table
is generated from tests/validator/mutations.py. Each is done to a sound installation, which passes every check; none
leaves the whole EXCELLENT, and what gives FAIL or ERROR does not leave it GOOD.

The last column is what validate advises and what recover does, which the tests compare: **repairs** – recover was
run, and the check passes; **asks for the bundle** – recover says which one to transfer, and so does validate;
**nothing** – no file that was installed is damaged, and validate says what the operator can do.

| what is broken | check | status | recover |
|---|---|---|---|
"""
RECOVERS = {check.RECOVER: "repairs", check.BUNDLE: "asks for the bundle", check.OPERATOR: "nothing", None: ""}


def mutations_table() -> str:
    """Return the page of all mutations as Markdown."""
    lines = [
        f"| {mutation.what} | `{mutation.check}` | {mutation.status} | {RECOVERS[mutation.remedy]} |\n"
        for mutation in MUTATIONS
    ]
    counted = Counter(mutation.remedy for mutation in MUTATIONS if mutation.status == check.FAIL)
    share = f"\nOf {counted.total()} that fail, recover repairs {counted[check.RECOVER]} without the bundle.\n"
    return MUTATIONS_HEAD + "".join(lines) + share


def documents() -> dict[Path, str]:
    """Return the path and text of each generated document."""
    written = {"report.schema.json": report_schema(), **schemas()}
    return {
        **{DOCS / "schemas" / name: json.dumps(schema, indent=2) + "\n" for name, schema in written.items()},
        DOCS / "checks.md": checks_table(),
        DOCS / "mutations.md": mutations_table(),
    }


def main() -> None:
    for path, text in documents().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

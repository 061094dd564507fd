from __future__ import annotations

import json

from bootstrap import cli
from validator.registry import CHECKS


def test_every_check_has_a_line(capsys) -> None:
    assert cli.main(["list-checks"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == [check.id for check in CHECKS]


def test_as_json(capsys) -> None:
    assert cli.main(["list-checks", "--json"]) == 0
    (first, *_rest) = json.loads(capsys.readouterr().out)["checks"]
    assert first == {
        "id": "system.python",
        "category": "System",
        "title": "Python",
        "effort": "quick",
        "measures": False,
        "limit": 60.0,
    }

"""The env template: the lines that dotenv files are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from builder.project.env_template import read_template
from bundle.product.environment import PLACEHOLDER
from shared.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("KEY=value", {"KEY": "value"}),
        ("  export KEY = value  ", {"KEY": "value"}),
        ("KEY=a b # said why", {"KEY": "a b"}),
        ("KEY=a#b", {"KEY": "a#b"}),
        ("KEY='a # b' # why", {"KEY": "a # b"}),
        ('KEY="a \\"b\\" c"', {"KEY": 'a "b" c'}),
        ("KEY=", {"KEY": PLACEHOLDER}),
        ("KEY=''", {"KEY": PLACEHOLDER}),
        ("KEY= # your key", {"KEY": PLACEHOLDER}),
        ("KEY=한글", {"KEY": "한글"}),
        ("\ufeffKEY=1\r\nNEXT=2\r\n", {"KEY": "1", "NEXT": "2"}),
        ("KEY=1\nKEY=2", {"KEY": "2"}),
        ("# KEY=1\n\n", {}),
    ],
)
def test_reads(tmp_path: Path, line: str, expected: dict[str, str]) -> None:
    file = tmp_path / ".env.example"
    file.write_bytes(line.encode())
    assert read_template(file) == expected


def test_an_empty_setting_that_is_no_credential_stays_empty_unless_it_is_required(tmp_path: Path) -> None:
    file = tmp_path / ".env.example"
    file.write_text("PROVIDER=\nDB_PASSWORD=\nREGION=\n")
    assert read_template(file, ["REGION"]) == {"PROVIDER": "", "DB_PASSWORD": PLACEHOLDER, "REGION": PLACEHOLDER}


@pytest.mark.parametrize("line", ["KEY", "1KEY=a", "KEY='a", 'KEY="a" b', "KEY-X=1", "= a", 'KEY="a\nb"', "KEY=\0"])
def test_refuses_with_the_line(tmp_path: Path, line: str) -> None:
    file = tmp_path / ".env.example"
    file.write_text(f"# first\n{line}\n")
    with pytest.raises(UsageError, match=r"\.env\.example(, line 2| cannot be read)"):
        read_template(file)


def test_refuses_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read: No such file or directory"):
        read_template(tmp_path / ".env.example")

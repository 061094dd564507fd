"""What an installation noted, and functions that fail in its place."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from installer.logs import audit_log

if TYPE_CHECKING:
    from installer.layout.prefix import Prefix


def log(prefix: Prefix) -> list[dict[str, str]]:
    return [json.loads(line) for line in audit_log.log_file(prefix).read_text().splitlines()]


def refuse(kind: type[BaseException], text: str):
    def fail(*_arguments: object, **_options: object) -> None:
        raise kind(text)

    return fail

"""Scan packages with safety and a database on disk: [[package, version, advisory], ...].

Called as a library, safety contacts no server; every attempt to connect is refused nevertheless. The request is on
standard input: {"packages": [[name, version], ...], "database": folder}.
"""

import json
import socket
import sys
from types import SimpleNamespace
from typing import Any


def refuse(*_arguments: Any, **_more: Any) -> Any:
    """Raise OSError in place of a function that would connect."""
    raise OSError("no network here")


def main() -> None:
    """Scan the packages named on stdin with network access blocked, and print the result as JSON.

    The result is on a line that starts with ``ragtrace-answer``.
    """
    socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refuse  # type: ignore[method-assign]
    asked = json.load(sys.stdin)
    from safety.models import Package, SafetyRequirement
    from safety.safety import check

    platform = SimpleNamespace(
        api_key=None, get_authentication_type=lambda: None, is_using_auth_credentials=lambda: False
    )
    packages = [
        Package(name=name, version=version, requirements=[SafetyRequirement(f"{name}=={version}")])
        for name, version in asked["packages"]
    ]
    found, _database = check(
        auth=SimpleNamespace(platform=platform),
        packages=packages,
        db_mirror=asked["database"],
        ignore_vulns={},
        telemetry=False,
    )
    hits = sorted({(one.package_name, one.analyzed_version, one.vulnerability_id) for one in found})
    stdout = sys.__stdout__
    assert stdout is not None  # the caller reads it
    stdout.write("\nragtrace-answer " + json.dumps(hits) + "\n")


if __name__ == "__main__":
    main()

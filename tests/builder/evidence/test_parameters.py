from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from builder.advisories.gate import GateRequest
from builder.evidence.provenance import parameters_of
from builder.fetch.cache import Cache
from builder.request.request import Request


@pytest.mark.parametrize("until_fixed", [False, True])
def test_what_the_gate_of_a_build_went_by_is_recorded(tmp_path, until_fixed) -> None:
    """A rebuild must reach the same report; former builders recorded nothing of findings without a fixed version."""
    gate = GateRequest(Path("a.zip"), fail_on="low", until_fixed=until_fixed, sarif=Path("s.sarif"))
    request = Request(tmp_path, tmp_path, (), (), Cache(tmp_path), advisories=gate)
    recorded = parameters_of(request)["advisories"]
    assert recorded == {
        "fail_on": "low",
        "severity_table": "default",
        **({"ignore_until_fixed": True} if until_fixed else {}),
    }
    assert parameters_of(replace(request, advisories=None))["advisories"] is None

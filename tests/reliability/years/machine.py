"""The years as hypothesis tells them: operations from a seed, what must hold after each, shrunk when it does not."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

from hypothesis import HealthCheck, Phase, seed, settings, strategies
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from tests.reliability.years.must import OK, Expected, Must, Op

# how often each comes, of all; the first is what hypothesis shrinks to
SHARES = {
    "idle": 1,
    "look": 4,
    "validate": 5,
    "write": 16,
    "remove": 4,
    "settings": 3,
    "clock": 2,
    "newer": 18,
    "delta": 5,
    "same": 6,
    "forward": 5,
    "older": 3,
    "rollback": 16,
    "recover": 7,
    "backup": 4,
    "restore": 6,
    "hurt": 7,
    "damage": 6,
    "policy": 3,
    "accept": 2,
    "forget": 1,
    "uninstall": 1,
    "purge": 1,
}
FAULTED = {"newer", "delta", "same", "forward", "rollback", "recover", "backup", "restore", "uninstall", "purge"}
MOST_CHANGES = {"newer": 400, "delta": 400, "same": 400, "forward": 400, "recover": 400, "rollback": 120}
FEW = 60
BESIDE = {"write", "remove", "settings", "clock", "hurt", "policy", "accept", "forget", "damage"}


class Told(NamedTuple):
    """What is noted of an operation: how it ended, how long it took, and what the host takes then."""

    what: str
    fault: str
    code: int
    seconds: float
    files: int
    bytes: int


@strategies.composite
def operations(draw):
    """Draw an operation; every third of those that change something meets a fault."""
    what = draw(strategies.sampled_from([name for name, share in SHARES.items() for _share in range(share)]))
    number = draw(strategies.integers(0, 59))
    if what not in FAULTED:
        return Op(what, number)
    fault = draw(strategies.sampled_from([None, None, None, None, None, None, "kill", "kill", "full", "space"]))
    if fault is None:
        return Op(what, number)
    return Op(what, number, (fault, draw(strategies.integers(0, MOST_CHANGES.get(what, FEW)))))


class Years(RuleBasedStateMachine):
    """A host over the years; who makes it gives ``host`` and takes ``told``."""

    def make_host(self):
        raise NotImplementedError

    def __init__(self):
        super().__init__()
        self.host = self.make_host()
        self.must = Must(self.host.template())
        self.described = []

    @rule(op=operations())
    def step(self, op):
        if op.what == "delta" and not self.must.facts.active:
            op = op._replace(what="newer")
        if op.what != "idle":
            do(self.host, self.must, op, self.described)


def do(host, must, op, told):
    """Do one operation and look at what must hold."""
    expected = must.after(op, host.seen().stored)
    began = time.monotonic()
    said = host.run(op, must)
    seconds = time.monotonic() - began
    if op.what in BESIDE:
        expected = Expected(frozenset({OK}), (must.facts,))
    seen = host.seen()
    try:
        must.settle(op, expected, said.code, seen)
        host.check(must)
    except AssertionError as error:
        raise AssertionError(f"{error}\nin operation {len(told) + 1}, {op}: {said}\n{must.facts}") from error
    told.append(Told(op.what, op.fault[0] if op.fault else "", said.code, seconds, seen.files, seen.bytes))


def live(make_host, number, operations, phases=(Phase.generate, Phase.shrink)):
    """Let a host live through as many operations by a seed; return what was done in the last one."""
    longest: list[Any] = []

    class Seeded(Years):
        def make_host(self):
            return make_host()

        def teardown(self):
            longest[:] = self.described if len(self.described) > len(longest) else longest

    chosen = settings(
        max_examples=2,  # the first one is always idle
        stateful_step_count=operations,
        database=None,
        deadline=None,
        phases=phases,
        suppress_health_check=list(HealthCheck),
        print_blob=False,
        report_multiple_bugs=False,
    )
    run_state_machine_as_test(seed(number)(Seeded), settings=chosen)
    return longest

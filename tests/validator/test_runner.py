from __future__ import annotations

import signal
import threading
from typing import ClassVar

import pytest

from shared.errors import ToolError, UsageError
from shared.processes import process
from shared.terminal.progress import NoProgress
from validator import runner
from validator.check import ERROR, PACKAGES, PASS, PERFORMANCE, SKIP, SYSTEM, Check, UncheckedError
from validator.registry import CHECKS
from validator.runner import Selection, choice_of, run_checks, select
from validator.subject import Subject


def make(name: str, act, **attributes) -> type[Check]:
    """Return a check that does what ``act`` does."""

    class Made(Check):
        id = name
        category = SYSTEM

        def title(self) -> str:
            return name

        def run(self, subject):
            yield from act(self)

    for key, value in attributes.items():
        setattr(Made, key, value)
    return Made


def passing(check):
    yield check.passed("fine")


def raising(error):
    def act(check):
        yield check.passed("before")
        raise error

    return act


def run(*checks, timeout=None):
    return [
        (result.id, result.status, result.details)
        for result in run_checks(Subject(timeout=timeout), checks, NoProgress())
    ]


def test_results_come_in_the_order_of_the_checks() -> None:
    second_may_end = threading.Event()

    def slow(check):
        assert second_may_end.wait(10)
        yield check.passed("slow")

    def quick(check):
        second_may_end.set()
        yield check.passed("quick")

    assert run(make("a", slow), make("b", quick)) == [("a", PASS, "slow"), ("b", PASS, "quick")]


@pytest.mark.parametrize(
    ("error", "status", "details"),
    [
        (ValueError("bad\nline"), ERROR, "the check crashed: ValueError: bad line"),
        (ToolError("uv is gone", advice="Copy it."), ERROR, "uv is gone"),
        (PermissionError(13, "Permission denied", "/a/file"), ERROR, "/a/file: Permission denied"),
        (OSError("odd"), ERROR, "odd"),
        (UncheckedError(SKIP, "nothing to see"), SKIP, "nothing to see"),
    ],
)
def test_a_check_that_raises_keeps_what_it_saw_and_the_run_goes_on(error, status, details) -> None:
    found = run(make("a", raising(error)), make("b", passing))
    assert found == [("a", PASS, "before"), ("a", status, details), ("b", PASS, "fine")]


def test_a_check_that_says_nothing_is_an_error() -> None:
    assert run(make("a", lambda check: iter(()))) == [("a", ERROR, "the check returned no result")]


def test_a_check_that_hangs_is_given_up_and_the_run_goes_on(monkeypatch) -> None:
    monkeypatch.setattr(runner, "GRACE", 0.05)
    forever = threading.Event()

    def hang(check):
        yield check.passed("begun")
        forever.wait(60)

    try:
        found = run(make("a", hang, time_limit=0.05), make("b", passing), make("c", passing, measures=True))
    finally:
        forever.set()
    assert found == [
        ("a", ERROR, "the check timed out after 0 s"),
        ("b", PASS, "fine"),
        ("c", PASS, "fine"),
    ]


def test_what_ends_after_it_was_given_up_changes_nothing(monkeypatch) -> None:
    monkeypatch.setattr(runner, "GRACE", 0.05)
    given_up, late = threading.Event(), []
    report = runner._given_up
    monkeypatch.setattr(runner, "_given_up", lambda check: (report(check), given_up.set())[0])

    def outlive(check):
        late.append(threading.current_thread())
        given_up.wait(10)
        yield check.passed("late")

    def follow(check):
        given_up.wait(10)
        late[0].join(10)
        yield check.passed("fine")

    found = run(make("a", outlive, time_limit=0.05), make("b", follow))
    assert [status for _id, status, _details in found] == [ERROR, PASS]


def test_an_interrupt_ends_the_programs_that_checks_run() -> None:
    threads = []

    def sleep(check):
        threads.append(threading.current_thread())
        ended = process.run(["/bin/sh", "-c", "echo $$; exec sleep 60"], timeout=60)
        yield check.result(PASS, str(ended.returncode))

    def interrupt(check):
        while not process._running:
            pass
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        yield check.passed("interrupted")
        threading.Event().wait(5)

    with pytest.raises(KeyboardInterrupt):
        run(make("a", sleep), make("b", interrupt))
    threads[0].join(10)
    assert [result.details for result in vars(threads[0])["results"]] == [str(-signal.SIGKILL)]


def test_measuring_checks_run_alone_and_last() -> None:
    under_way: list[str] = []
    seen: dict[str, list[str]] = {}
    together = threading.Event()

    def act(check):
        under_way.append(check.id)
        seen[check.id] = list(under_way)
        if len(under_way) > 1 and check.measures:
            together.set()
        together.wait(0.2)  # time for another one to come beside it
        yield check.passed("fine")
        under_way.remove(check.id)

    run(make("m1", act, measures=True), make("a", act), make("b", act), make("m2", act, measures=True))
    assert seen["m1"] == ["m1"]
    assert seen["m2"] == ["m2"]
    assert list(seen)[2:] == ["m1", "m2"]


def test_the_timeout_replaces_every_limit() -> None:
    class Limits:
        found: ClassVar[list[float]] = []

    def act(check):
        Limits.found.append(check.limit)
        yield check.passed("fine")

    run(make("a", act, time_limit=600.0), timeout=7.5)
    assert Limits.found == [7.5]


def test_seconds_are_each_results_own() -> None:
    def act(check):
        check.started -= 2
        yield check.passed("one")
        check.started -= 3
        yield check.passed("two")

    first, second = run_checks(Subject(), [make("a", act)], NoProgress())
    assert 2 <= first.seconds < 2.9
    assert 3 <= second.seconds < 3.9


def ids(**choice) -> set[str]:
    return {check.id for check in select(CHECKS, Selection(**choice))}


def test_everything_is_selected_by_default() -> None:
    assert select(CHECKS) == [check for check in CHECKS if check.effort != "full"]


def test_selection_by_category_identifier_and_skip() -> None:
    assert {check.category for check in select(CHECKS, Selection(categories=["packages"]))} == {PACKAGES}
    assert ids(ids=["system.disk"]) == {"system.disk"}
    assert ids(categories=[PERFORMANCE], ids=["system.disk"], skip=["performance.matrix"]) == {
        "performance.defender",
        "performance.imports",
        "performance.start",
        "system.disk",
    }


@pytest.mark.parametrize(
    "choice",
    [
        {"ids": ["system.nothing"]},
        {"skip": ["system.nothing"]},
        {"categories": ["Weather"]},
        {"ids": ["system.disk"], "skip": ["system.disk"]},
    ],
)
def test_what_is_not_known_or_leaves_nothing_is_refused(choice) -> None:
    with pytest.raises(UsageError) as caught:
        select(CHECKS, Selection(**choice))
    assert caught.value.advice


def test_only_as_much_work_as_is_asked_for() -> None:
    class Light(Check):
        id, category = "system.light", "System"

    class Usual(Light):
        id, effort = "system.usual", "normal"

    class Heavy(Light):
        id, effort = "system.heavy", "full"

    checks = (Light, Usual, Heavy)
    assert select(checks, Selection(effort="quick")) == [Light]
    assert select(checks) == [Light, Usual]
    assert select(checks, Selection(effort="full")) == list(checks)
    assert select(checks, Selection(categories=["system"], effort="quick")) == [Light]
    assert select(checks, Selection(ids=["system.heavy"], effort="quick")) == [Heavy]


def test_what_a_choice_leaves_out_of_a_usual_run_is_known() -> None:
    quick = choice_of(CHECKS, select(CHECKS, Selection(effort="quick")), "quick")
    assert {check.id for check in quick.left_out} == {check.id for check in CHECKS if check.effort == "normal"}
    assert {"security.integrity", "packages.record"} <= {check.id for check in quick.left_out}
    for effort in ("normal", "full"):
        assert choice_of(CHECKS, select(CHECKS, Selection(effort=effort)), effort).left_out == ()
    assert CHECKS[0] in choice_of(CHECKS, select(CHECKS, Selection(skip=[CHECKS[0].id])), "normal").left_out

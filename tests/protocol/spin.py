"""Run spin over the model of the commit protocol (commit.pml)."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from shared.processes import process
from tests.hosts import needs

if TYPE_CHECKING:
    from collections.abc import Sequence

MODEL = Path(__file__).with_name("commit.pml")
SECONDS = 600.0
ALLOWED = "at<"  # the assertion that fails where the model follows a trace to its end


class Verdict(NamedTuple):
    """What spin found: how many states there are, and the assertion that fails, empty where none does."""

    states: int
    broken: str


def steps() -> dict[str, int]:
    """Return the numbers of the model's steps by name."""
    text = MODEL.read_text(encoding="utf-8").partition("/* steps,")[2].partition("typedef")[0]
    words = [line.split() for line in text.splitlines() if line.startswith("#define ")]
    return {name: int(number) for _define, name, number, *_rest in words}


def check(folder: Path, *, trace: Sequence[str] = (), **settings: int | None) -> Verdict:
    """Look at every state of the model. ``settings`` are macros of it; with ``trace`` it follows these steps alone."""
    spin, compiler = needs.program("spin", package="spin"), needs.program("cc", package="build-essential")
    lines = [f"#define {name}" + ("" if value is None else f" {value}") for name, value in settings.items()]
    if trace:
        numbers = steps()
        chosen = "0"
        for index, name in reversed(list(enumerate(trace))):
            chosen = f"((at) == {index} -> {numbers[name]} : {chosen})"
        lines += [f"#define LENGTH {len(trace)}", f"#define EXPECTED(at) {chosen}"]
    folder.mkdir(parents=True)
    (folder / "model.pml").write_text("\n".join([*lines, MODEL.read_text(encoding="utf-8")]), encoding="utf-8")
    for argv in (
        [spin, "-a", "model.pml"],
        # every state counts and is kept whole; a trace that the model does not follow stops it, which is no fault (-E)
        [compiler, "-DSAFETY", "-DNOREDUCE", "-DVECTORSZ=512", "-o", "pan", "pan.c"],
    ):
        process.checked(process.run(argv, cwd=folder, timeout=SECONDS), argv[0])
    said = process.checked(process.run(["./pan", "-E", "-m1000000", "-w22"], cwd=folder, timeout=SECONDS), "pan").stdout
    assert "max search depth too small" not in said, said
    shutil.rmtree(folder)
    broken = next((line for line in said.splitlines() if "assertion violated" in line), "")
    counted = next(line.split()[0] for line in said.splitlines() if "states, stored" in line)
    return Verdict(int(counted), broken)

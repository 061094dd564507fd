"""``monitor``: print or record the resource usage of the application, as text, JSON or metrics."""

from __future__ import annotations

import json
import math
import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bootstrap import api
from bootstrap.commands import common
from bootstrap.commands.inspect import monitor_view
from bootstrap.commands.inspect.validate import screen_width
from installer.monitoring import monitor
from shared.errors import HostError, UsageError
from shared.files import outputs
from shared.i18n import _
from shared.terminal import exposition
from shared.terminal.columns import wrap
from shared.terminal.commandline import DONE
from shared.terminal.console import human_bytes, is_read, show, show_document, show_lines, visible

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator
    from typing import Self

    from installer.monitoring.monitor import Sample
    from shared.terminal.progress import Progress

JSON, PROMETHEUS = "json", "prometheus"
SLICE = 0.2  # maximum seconds until Ctrl-C takes effect


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument(
        "--interval", type=float, default=5.0, metavar=_("SECONDS"), help=_("seconds between two samples (default: 5)")
    )
    parser.add_argument("--count", type=int, metavar=_("NUMBER"), help=_("stop after this many samples"))
    parser.add_argument("--duration", type=float, metavar=_("SECONDS"), help=_("stop after this many seconds"))
    parser.add_argument(
        "--output",
        type=Path,
        metavar=_("FILE"),
        help=_(
            "append each sample to this file as a line of JSON; a file whose name ends in .prom is overwritten "
            "with metrics instead"
        ),
    )
    parser.add_argument("--format", choices=(JSON, PROMETHEUS), help=_("output format of the samples"))


def run(arguments: argparse.Namespace) -> int:
    """Sample until a limit is reached, the user stops it or nobody reads the output; then print a summary."""
    check_numbers(arguments)
    kind = format_of(arguments)
    summary = Summary()
    limits = {"interval": arguments.interval, "count": arguments.count, "duration": arguments.duration}
    with Ending() as ending, shown(arguments, kind) as report:
        samples = api.monitor(arguments.prefix, **limits, wait=ending.wait)
        for sample in storing(samples, arguments.output, kind, common.progress_of(arguments)):
            summary.add(sample)
            report(sample)
            if arguments.output is None and not is_read():
                break  # stdout is closed, so further samples have no reader
    if not arguments.json and (arguments.output is not None or kind is None):
        for line in summary.lines():
            show_lines("\n".join(wrap(line, screen_width(), "", "  ")))
    return DONE


class Ending:
    """Delays Ctrl-C or SIGTERM until the current sample is complete; the same signal again takes effect immediately."""

    def __init__(self) -> None:
        self.asked = False
        self.former: dict[int, Any] = {}

    def __enter__(self) -> Self:
        self.former = {number: signal.signal(number, self.ask) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *_exception: object) -> None:
        for number, handler in self.former.items():
            signal.signal(number, handler)

    def ask(self, number: int, _frame: object) -> None:
        """Record the request to stop."""
        self.asked = True
        signal.signal(number, signal.default_int_handler)

    def wait(self, seconds: float) -> bool:
        """Wait, and return whether a stop was requested."""
        until = time.monotonic() + seconds
        while not self.asked and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, SLICE))  # a handled signal does not interrupt sleep (PEP 475)
        return self.asked


def check_numbers(arguments: argparse.Namespace) -> None:
    """Raise UsageError if a number is out of range."""
    if not monitor.LEAST_INTERVAL <= arguments.interval < math.inf:
        raise UsageError(
            _("--interval must be a finite number of seconds, at least {least}.").format(least=monitor.LEAST_INTERVAL),
            advice=_("Specify another number."),
        )
    for name in ("count", "duration"):
        value = getattr(arguments, name)
        if value is not None and not value > 0:
            raise UsageError(
                _("{option} must be greater than 0.").format(option=f"--{name}"), advice=_("Specify a larger number.")
            )


def format_of(arguments: argparse.Namespace) -> str | None:
    """Return the format: the requested one, else the output file's, else JSON with --json, else None for text."""
    if arguments.format == PROMETHEUS and arguments.output is None and arguments.count != 1:
        raise UsageError(
            _("With more than one sample, metrics can only be written to a file, and each sample replaces it."),
            advice=_("Specify a file with --output, or take a single sample with --count 1."),
        )
    if arguments.format is not None:
        return str(arguments.format)
    if arguments.output is not None:
        return PROMETHEUS if arguments.output.suffix == exposition.ENDING else JSON
    return JSON if arguments.json else None


def written(sample: Sample, kind: str) -> str:
    """Return a sample in a file format: one line of JSON, or metrics."""
    if kind == PROMETHEUS:
        return exposition.render(monitor.families(sample))
    return visible(json.dumps(sample.to_json(), ensure_ascii=False)) + "\n"  # process names may contain any characters


def storing(samples: Iterator[Sample], path: Path | None, kind: str | None, progress: Progress) -> Iterator[Sample]:
    """Yield each sample after writing it to the file.

    Raises HostError if the first sample cannot be written. A later failure, for example because the disk is full, is
    reported once, and the next sample is tried.
    """
    worked = failing = False
    for sample in samples:
        if path is not None and kind is not None:
            try:
                keep(written(sample, kind).encode(), path, kind)
                worked, failing = True, False
            except HostError as error:
                if not worked:
                    raise
                if not failing:
                    progress.warn(error.what)
                failing = True
        yield sample


def keep(data: bytes, path: Path, kind: str) -> None:
    """Write one sample atomically: metrics replace the file, lines of JSON are appended."""
    if kind == PROMETHEUS:
        outputs.write(path, data, mode=exposition.MODE)
    else:
        outputs.append(path, data)


def shown(arguments: argparse.Namespace, kind: str | None) -> Any:
    """Return a context manager that provides the function that displays a sample."""
    if arguments.json or (arguments.output is None and kind == JSON):
        return monitor_view.plain(lambda sample: show_document(written(sample, JSON).rstrip("\n")))
    if arguments.output is None and kind is not None:
        return monitor_view.plain(lambda sample: show_lines(written(sample, kind).rstrip("\n")))
    if arguments.quiet:
        return monitor_view.plain(lambda _sample: None)
    if sys.stdout.isatty() and os.environ.get("TERM") != "dumb":
        return monitor_view.live()
    return monitor_view.plain(lambda sample: show(monitor_view.line(sample)))


class Summary:
    """Totals and maxima of all samples."""

    def __init__(self) -> None:
        self.count = 0
        self.seconds = self.core_seconds = self.most_cpu = 0.0
        self.most_resident = 0

    def add(self, sample: Sample) -> None:
        """Add a sample."""
        self.count += 1
        self.seconds += sample.seconds
        self.core_seconds += sample.cpu_percent * sample.seconds
        self.most_cpu = max(self.most_cpu, sample.cpu_percent)
        self.most_resident = max(self.most_resident, sample.resident)

    def lines(self) -> Iterator[str]:
        """Yield the summary as human-readable lines."""
        if not self.count:
            yield _("No sample was taken.")
            return
        yield _("Samples: {count}, in {seconds:.0f} s").format(count=self.count, seconds=self.seconds)
        yield _("Processor: {mean:.0f}% of a core on average, {most:.0f}% at peak").format(
            mean=self.core_seconds / max(self.seconds, 1e-9), most=self.most_cpu
        )
        yield _("Memory: {most} at peak").format(most=human_bytes(self.most_resident))

"""Displays samples of ``monitor``: as a table that is refreshed in place on a terminal, otherwise as lines."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Callable

from shared.i18n import _
from shared.terminal.console import human_bytes, printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from installer.monitoring.monitor import Sample

Report = Callable[["Sample"], object]


@contextmanager
def plain(report: Report) -> Iterator[Report]:
    """Provide a function that displays each sample separately."""
    yield report


@contextmanager
def live() -> Iterator[Report]:
    """Provide a function that replaces the previous sample on the screen."""
    from rich.console import Console, Group
    from rich.live import Live

    console = Console(highlight=False, markup=False)
    # crop the table to the screen's height: any more lines would make the screen scroll
    with Live(console=console, auto_refresh=False, vertical_overflow="crop") as display:
        yield lambda sample: display.update(Group(*_view(sample)), refresh=True)


def line(sample: Sample) -> str:
    """Return a sample as one line."""
    return _("{time}  processor {cpu:.0f}%, {free} of memory and {disk} of disk free; {application}").format(
        time=sample.time,
        cpu=sample.host.cpu_percent,
        free=human_bytes(sample.host.memory_available),
        disk=_size(sample.host.disk_free),
        application=_application(sample),
    )


def _application(sample: Sample) -> str:
    return _("{name}: processes {count}, processor {cpu:.0f}%, memory {memory}").format(
        name=sample.product or "-",
        count=len(sample.processes),
        cpu=sample.cpu_percent,
        memory=human_bytes(sample.resident),
    )


def _size(count: int | None) -> str:
    return "-" if count is None else human_bytes(count)


def _view(sample: Sample) -> Iterator[Any]:
    from rich.table import Table
    from rich.text import Text

    host = sample.host
    yield Text(f"{sample.time}  {sample.release or '-'}", style="dim")
    facts = Table.grid(padding=(0, 2))
    memory = f"{human_bytes(host.memory_total - host.memory_available)} / {human_bytes(host.memory_total)}"
    facts.add_row(_("Processor"), f"{host.cpu_percent:.0f} %")
    facts.add_row(_("Memory"), memory)
    facts.add_row(
        _("Disk"), _("{free} of {total} free").format(free=_size(host.disk_free), total=_size(host.disk_total))
    )
    yield facts
    yield Text(_application(sample), style="bold")
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for title, right in (
        ("PID", True),
        (_("CPU"), True),
        (_("Memory"), True),
        (_("Written"), True),
        (_("Name"), False),
    ):
        table.add_column(title, justify="right" if right else "left", no_wrap=True)
    for process in sample.processes:
        table.add_row(
            str(process.pid),
            f"{process.cpu_percent:.0f} %",
            human_bytes(process.resident),
            _size(process.written),
            Text(printable(process.name)),
        )
    if sample.processes:
        yield table

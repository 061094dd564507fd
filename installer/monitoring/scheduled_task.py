"""The same jobs as tasks of Windows' Task Scheduler, as XML for ``schtasks /Create /XML``.

Format: https://learn.microsoft.com/windows/win32/taskschd/task-scheduler-schema, version 1.2.
"""

from __future__ import annotations

from subprocess import list2cmdline
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from pathlib import Path

    from installer.layout.prefix import Prefix

FOLDER = "schedule"  # in the state of a prefix
GROUP = "RAGTrace"  # the folder of the Task Scheduler's library
EVERY = {"validate": ("PT1H", "PT15M"), "monitor": ("PT1M", "PT30S")}  # how often, and a random delay


def folder_of(prefix: Prefix) -> Path:
    """Return the folder of the definitions."""
    return prefix.state / FOLDER


def document(name: str, argv: list[str], job: str) -> bytes:
    """Return the definition of a task that runs as the user who creates it, with that user's ordinary rights."""
    interval, delay = EVERY[job]
    program, arguments = escape(argv[0]), escape(list2cmdline(argv[1:]))
    text = f"""<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo>
    <Description>{escape(list2cmdline(argv))}</Description>
    <URI>\\{GROUP}\\{escape(name)}</URI>
  </RegistrationInfo>
  <Triggers>
    <TimeTrigger>
      <Repetition>
        <Interval>{interval}</Interval>
        <StopAtDurationEnd>false</StopAtDurationEnd>
      </Repetition>
      <StartBoundary>2026-01-01T00:00:00</StartBoundary>
      <Enabled>true</Enabled>
      <RandomDelay>{delay}</RandomDelay>
    </TimeTrigger>
  </Triggers>
  <Principals>
    <Principal id="Author">
      <LogonType>InteractiveToken</LogonType>
      <RunLevel>LeastPrivilege</RunLevel>
    </Principal>
  </Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <StartWhenAvailable>true</StartWhenAvailable>
    <ExecutionTimeLimit>PT30M</ExecutionTimeLimit>
    <Priority>8</Priority>
  </Settings>
  <Actions Context="Author">
    <Exec>
      <Command>{program}</Command>
      <Arguments>{arguments}</Arguments>
    </Exec>
  </Actions>
</Task>
"""
    return text.replace("\n", "\r\n").encode("utf-16")


def commands(paths: list[Path], *, start: bool) -> list[list[str]]:
    """Return the commands that create the tasks, or delete them."""
    if start:
        return [["schtasks", "/Create", "/F", "/TN", f"{GROUP}\\{path.stem}", "/XML", str(path)] for path in paths]
    return [["schtasks", "/Delete", "/F", "/TN", f"{GROUP}\\{path.stem}"] for path in paths]

# Copyright: RAGTrace Enterprise Offline contributors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Say at the end of a roll-out which release each host has."""

from __future__ import annotations

DOCUMENTATION = r"""
name: rollout
type: notification
short_description: Say at the end of a roll-out which release each host has
version_added: 0.1.0
description:
  - Prints one line for each host of the inventory that the roll-out was for, and writes the same as JSON.
  - The JSON is written after each result, so that it is there after a run that was killed.
requirements:
  - C(callbacks_enabled = ragtrace.offline.rollout) in C(ansible.cfg)
options:
  report:
    description:
      - The file for the JSON. Without it only the lines are printed.
    type: path
    default: ""
    env:
      - name: RAGTRACE_ROLLOUT_REPORT
    ini:
      - section: callback_rollout
        key: report
author:
  - RAGTrace Enterprise Offline (@ragtrace)
"""

import json
import os

from ansible.plugins.callback import CallbackBase

PREFIX = "ragtrace.offline."
WAVES = "Roll out in waves"
FIND = "Find the hosts that are there"


class CallbackModule(CallbackBase):
    """Collects what the modules of this collection return."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "ragtrace.offline.rollout"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self):
        super().__init__()
        self.hosts = {}
        self.play = ""

    def v2_playbook_on_play_start(self, play):
        """Note the hosts that a roll-out is for."""
        self.play = play.get_name()
        if self.play == FIND:
            manager = play.get_variable_manager()
            for host in manager._inventory.get_hosts(play.hosts):
                self._of(host.get_name())

    def v2_runner_on_ok(self, result):
        """Take over which release is active."""
        found, name = result._result, result._host.get_name()
        action = str(result._task.action).rpartition(".")[2] if str(result._task.action).startswith(PREFIX) else ""
        if name not in self.hosts:
            return
        one = self.hosts[name]
        if action == "facts":
            one["before"] = one["active"] = found.get("ansible_facts", {}).get("ragtrace", {}).get("active")
            one["outcome"] = "unchanged"
        elif action == "transfer":
            one["bytes"] = found.get("bytes_needed", 0)
        elif action == "install":
            one["active"] = found.get("active")
            one["outcome"] = "not validated" if found.get("changed") else one["outcome"]
        elif action == "rollback" and found.get("changed"):
            one["active"] = found.get("active")
            one["outcome"] = "rolled back"
        elif action == "validate":
            one["status"] = found.get("overall_status")
            one["active"] = found.get("release") or one["active"]
            one["outcome"] = (
                one["outcome"] if one["active"] == one["before"] else "upgraded" if one["before"] else "installed"
            )
        self._write()

    def v2_runner_on_failed(self, result, ignore_errors=False):
        """Note why a host failed, and which release it has then."""
        name, found = result._host.get_name(), result._result
        if name not in self.hosts or ignore_errors:
            return
        one = self.hosts[name]
        one["why"] = one["why"] or str(found.get("msg", ""))
        one["status"] = found.get("overall_status", one["status"])
        if "active" in found and str(result._task.action) == PREFIX + "install":
            one["active"] = found["active"]
        if one["outcome"] != "rolled back":
            one["outcome"] = "failed"
        self._write()

    def v2_runner_on_unreachable(self, result):
        """Note that a host is away, or was lost on the way."""
        name = result._host.get_name()
        if name in self.hosts:
            self.hosts[name]["outcome"] = "absent" if self.play == FIND else "lost"
            self._write()

    def v2_playbook_on_stats(self, stats):
        """Print a line for each host."""
        if not self.hosts:
            return
        self._display.banner("ROLL-OUT")
        for name, one in sorted(self.hosts.items()):
            why = "  (%s)" % one["why"] if one["why"] else ""
            self._display.display("%-20s %-14s %s -> %s%s" % (name, one["outcome"], one["before"], one["active"], why))
        self._write()

    def _of(self, name):
        fresh = {"outcome": "not reached", "before": None, "active": None, "status": None, "bytes": 0, "why": ""}
        return self.hosts.setdefault(name, fresh)

    def _write(self):
        path = self.get_option("report")
        if not path:
            return
        temporary = "%s.%d" % (path, os.getpid())
        with open(temporary, "w", encoding="utf-8") as file:
            json.dump({"format": 1, "hosts": self.hosts}, file, indent=1, sort_keys=True)
            file.write("\n")
        os.replace(temporary, path)

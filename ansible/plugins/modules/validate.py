#!/usr/bin/python
# Copyright: RAGTrace Enterprise Offline contributors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Run the checks of the tool, and fail where their result is not good enough."""

from __future__ import annotations

DOCUMENTATION = r"""
module: validate
short_description: Check an installation, as a gate of a roll-out
version_added: 0.1.0
description:
  - Runs the tool's checks on the host and its installation, which changes nothing.
  - Fails if the overall status is CRITICAL, with O(strict) also if it is WARNING.
options:
  effort:
    description:
      - How thorough the checks are. V(quick) compares no installed files and starts nothing of the application.
    type: str
    choices: [quick, normal, full]
    default: normal
  strict:
    description:
      - Fail for WARNING too.
    type: bool
    default: false
  categories:
    description:
      - Run only the checks of these categories.
    type: list
    elements: str
    default: []
  checks:
    description:
      - Run only these checks, for example V(packages.record).
    type: list
    elements: str
    default: []
  skip:
    description:
      - Skip these checks.
    type: list
    elements: str
    default: []
  timeout:
    description:
      - The time limit of each check in seconds, instead of its own.
    type: int
  report:
    description:
      - Also return the whole report, which M(ragtrace.offline.recover) and C(compare) read.
    type: bool
    default: false
extends_documentation_fragment:
  - ragtrace.offline.tool
attributes:
  check_mode:
    description: Nothing is changed in either mode.
    support: full
  diff_mode:
    description: Nothing is changed, so there is nothing to show.
    support: none
"""

EXAMPLES = r"""
- name: Let the roll-out go on only where the application works
  ragtrace.offline.validate:
    prefix: /opt/ragtrace
    strict: true
  become: true
"""

RETURN = r"""
overall_status:
  description: EXCELLENT, GOOD, WARNING or CRITICAL.
  returned: when the checks were run
  type: str
release:
  description: The active release that was checked.
  returned: when the checks were run
  type: str
failed:
  description: The results that are FAIL or ERROR, each with its suggestion.
  returned: when the checks were run
  type: list
  elements: dict
counts:
  description: How many checks had which status.
  returned: when the checks were run
  type: dict
report:
  description: The whole report.
  returned: with O(report)
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.ragtrace.offline.plugins.module_utils.tool import CHECKS_FAILED, DONE, Tool, ToolError, run

FAILED = ("FAIL", "ERROR")
SHOWN = ("category", "check_name", "status", "details", "suggestion", "remedy")


def words(params):
    """Return the command and its options."""
    found = ["validate"] + ([] if params["effort"] == "normal" else ["--" + params["effort"]])
    for option, values in (("--category", "categories"), ("--check", "checks"), ("--skip", "skip")):
        found += [word for value in params[values] for word in (option, value)]
    found += ["--strict"] if params["strict"] else []
    if params["timeout"] is not None:
        found += ["--timeout", str(params["timeout"])]
    return found


def work(module):
    """Do what the task asks for."""
    params = module.params
    code, report = Tool(module, params["prefix"]).call(*words(params), accept=(DONE, CHECKS_FAILED))
    results = report["validation_results"]
    failed = [{name: one.get(name) for name in SHOWN} for one in results if one["status"] in FAILED]
    counts = {}
    for one in results:
        counts[one["status"]] = counts.get(one["status"], 0) + 1
    found = {
        "changed": False,
        "overall_status": report["overall_status"],
        "release": report.get("release"),
        "failed": failed,
        "counts": counts,
    }
    if params["report"]:
        found["report"] = report
    if code == CHECKS_FAILED:
        names = "; ".join("%s: %s" % (one["check_name"], one["details"]) for one in failed[:5])
        raise ToolError("The overall status is %s. %s" % (report["overall_status"], names), rc=code, **found)
    return found


def main():
    """Run the module."""
    spec = {
        "prefix": {"type": "path", "required": True},
        "effort": {"type": "str", "choices": ["quick", "normal", "full"], "default": "normal"},
        "strict": {"type": "bool", "default": False},
        "categories": {"type": "list", "elements": "str", "default": []},
        "checks": {"type": "list", "elements": "str", "default": []},
        "skip": {"type": "list", "elements": "str", "default": []},
        "timeout": {"type": "int"},
        "report": {"type": "bool", "default": False},
    }
    run(AnsibleModule(argument_spec=spec, supports_check_mode=True), work)


if __name__ == "__main__":
    main()

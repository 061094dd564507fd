#!/usr/bin/python
# Copyright: RAGTrace Enterprise Offline contributors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Apply newer advisories or exceptions on a host, and scan with them."""

from __future__ import annotations

DOCUMENTATION = r"""
module: advisories
short_description: Apply newer advisories or exceptions, and scan with them
version_added: 0.1.0
description:
  - Applies a signed snapshot of advisories, or signed exceptions, and scans what is installed.
  - A file that is in force already changes nothing. An older or untrusted one is a failure, and what is in force stays.
options:
  file:
    description:
      - The snapshot or the exceptions file on the host, with its C(.sig) files next to it.
    type: path
    required: true
  fail_on_findings:
    description:
      - Fail if the status of the scan is FAIL.
    type: bool
    default: false
  ignore_until_fixed:
    description:
      - Let findings that no version fixes yet not fail, except malware.
    type: bool
    default: false
  accept_clock:
    description:
      - Continue even if the file's date is ahead of the host's clock.
    type: bool
    default: false
extends_documentation_fragment:
  - ragtrace.offline.tool
  - ragtrace.offline.tool.changes
attributes:
  check_mode:
    description: Compares a snapshot with the one in force, without verifying it. Exceptions count as a change.
    support: full
  diff_mode:
    description: Shows the sequence numbers.
    support: full
"""

EXAMPLES = r"""
- name: Apply this week's advisories
  ragtrace.offline.advisories:
    prefix: /opt/ragtrace
    file: /var/lib/ragtrace/advisories/advisories.zip
  become: true
"""

RETURN = r"""
sequence:
  description: The sequence number of the snapshot in force.
  returned: success
  type: int
status:
  description: The status of the scan.
  returned: when a scan was run
  type: str
findings:
  description: The number of findings.
  returned: when a scan was run
  type: int
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.ragtrace.offline.plugins.module_utils.tool import (
    CHECKS_FAILED,
    DONE,
    Tool,
    ToolError,
    diff_of,
    run,
    sha256_file,
)


def update(tool, params):
    """Apply the file; return the exit code and what the tool says. Raises ToolError."""
    words = ["--accept-clock"] if params["accept_clock"] else []
    words += ["--ignore-until-fixed"] if params["ignore_until_fixed"] else []
    return tool.call(
        "advisories", "update", params["file"], "--wait", str(params["wait"]), *words, accept=(DONE, CHECKS_FAILED)
    )


def in_force(tool):
    """Return the snapshot in force, or None where there is none."""
    try:
        return tool.call("advisories", "show")[1]["snapshot"]
    except ToolError as error:
        if error.values.get("rc") not in (2, 4):
            raise
        return None


def work(module):
    """Do what the task asks for."""
    params = module.params
    tool = Tool(module, params["prefix"])
    before = in_force(tool)
    digest = sha256_file(params["file"])
    result = {
        "changed": before is None or before["sha256"] != digest,
        "sequence": before["sequence"] if before else None,
    }
    if not module.check_mode:
        code, value = update(tool, params)
        result = {
            "changed": value["update"]["new"],
            "sequence": value["snapshot"]["sequence"],
            "status": value["scan"]["status"],
            "findings": len(value["scan"]["findings"]),
        }
        if code == CHECKS_FAILED and params["fail_on_findings"]:
            raise ToolError("The scan found %d vulnerabilities that count." % result["findings"], rc=code, **result)
    if module._diff:
        sequence = before["sequence"] if before else None
        result["diff"] = diff_of("sequence", sequence, result["sequence"])
    return result


def main():
    """Run the module."""
    spec = {
        "prefix": {"type": "path", "required": True},
        "file": {"type": "path", "required": True},
        "fail_on_findings": {"type": "bool", "default": False},
        "ignore_until_fixed": {"type": "bool", "default": False},
        "accept_clock": {"type": "bool", "default": False},
        "wait": {"type": "int", "default": 600},
    }
    run(AnsibleModule(argument_spec=spec, supports_check_mode=True), work)


if __name__ == "__main__":
    main()

#!/usr/bin/python
# Copyright: RAGTrace Enterprise Offline contributors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Repair an installation."""

from __future__ import annotations

DOCUMENTATION = r"""
module: recover
short_description: Repair an installation
version_added: 0.1.0
description:
  - Finds what is damaged and repairs it, from the store of the host or from a bundle.
  - If nothing is damaged, nothing is changed.
  - Fails if something stays damaged; RV(unmet) says what to transfer to the host.
options:
  bundle:
    description:
      - The folder of a bundle on the host to repair from.
    type: path
  allow_unlocked:
    description:
      - Allow lost files to be replaced by other versions that are retained on the host. No signature covers the result.
    type: bool
    default: false
extends_documentation_fragment:
  - ragtrace.offline.tool
  - ragtrace.offline.tool.changes
attributes:
  check_mode:
    description: Shows the plan of the repair.
    support: full
  diff_mode:
    description: Shows what is damaged and what repairs it.
    support: full
"""

EXAMPLES = r"""
- name: Repair whatever is damaged
  ragtrace.offline.recover:
    prefix: /opt/ragtrace
  become: true
"""

RETURN = r"""
remedies:
  description: What was repaired, or would be.
  returned: success
  type: list
  elements: str
unmet:
  description: What to transfer to the host for what stays damaged, or empty.
  returned: always
  type: str
active:
  description: The release that is active after the repair.
  returned: when something was repaired
  type: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.ragtrace.offline.plugins.module_utils.tool import CHECKS_FAILED, DONE, Tool, ToolError, run


def work(module):
    """Do what the task asks for."""
    params = module.params
    tool = Tool(module, params["prefix"])
    words = ["recover"] + (["--bundle", params["bundle"]] if params["bundle"] else [])
    words += ["--allow-unlocked"] if params["allow_unlocked"] else []
    plan = tool.call(*words, "--dry-run")[1]["plan"]
    remedies = [one["what"] for one in plan["remedies"]]
    result = {"changed": bool(remedies), "remedies": remedies, "unmet": plan["unmet"]}
    if module._diff:
        damaged = ["%s: %s" % (one["name"], one["details"]) for one in plan["findings"]]
        result["diff"] = {"before": "\n".join([*damaged, ""]), "after": "\n".join([*remedies, ""])}
    if remedies and not module.check_mode:
        done = tool.call(*words, "--yes", "--wait", str(params["wait"]), accept=(DONE, CHECKS_FAILED))
        result["active"], result["unmet"] = done[1]["active"], done[1]["plan"]["unmet"]
        if done[0] == CHECKS_FAILED:
            raise ToolError("Something stays damaged. %s" % result["unmet"], rc=done[0], **result)
    elif plan["unmet"]:
        raise ToolError("Something is damaged that cannot be repaired from this host. %s" % plan["unmet"], **result)
    return result


def main():
    """Run the module."""
    spec = {
        "prefix": {"type": "path", "required": True},
        "bundle": {"type": "path"},
        "allow_unlocked": {"type": "bool", "default": False},
        "wait": {"type": "int", "default": 600},
    }
    run(AnsibleModule(argument_spec=spec, supports_check_mode=True), work)


if __name__ == "__main__":
    main()

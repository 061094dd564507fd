#!/usr/bin/python
# Copyright: RAGTrace Enterprise Offline contributors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Activate the previous version, or another retained release."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rollback
short_description: Activate the previous version again
version_added: 0.1.0
description:
  - Activates the previous version, or the retained release that is named.
  - Settings stay as they are, and so does the data unless the upgrade migrated it.
options:
  to:
    description:
      - Roll back to this retained release. If it is active already, nothing is run.
    type: str
  from_release:
    description:
      - Roll back only if this release is active. This makes a repeated task without O(to) change nothing.
      - The start of a release's name, C(<counter>-<sha12>), stands for all releases of that bundle.
    type: str
extends_documentation_fragment:
  - ragtrace.offline.tool
  - ragtrace.offline.tool.changes
attributes:
  check_mode:
    description: Says whether there would be a change, without running the tool's command.
    support: full
  diff_mode:
    description: Shows which release was active and which one is.
    support: full
"""

EXAMPLES = r"""
- name: Go back from a release that turned out to be bad
  ragtrace.offline.rollback:
    prefix: /opt/ragtrace
    from_release: 20-0123456789ab
  become: true
"""

RETURN = r"""
active:
  description: The release that is active now; in check mode V(null) where O(to) does not name it.
  returned: success
  type: str
former:
  description: The release that was active before.
  returned: success
  type: str
rc:
  description: The exit code of the tool.
  returned: failure
  type: int
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.ragtrace.offline.plugins.module_utils.tool import Tool, diff_of, is_of, run


def asked_for(params, active):
    """Return whether a rollback is still to be done."""
    if params["to"] is not None:
        return active != params["to"]
    start = params["from_release"]
    return start is None or active == start or is_of(active, start)


def work(module):
    """Do what the task asks for."""
    params = module.params
    tool = Tool(module, params["prefix"])
    before = tool.call("status")[1]["active"]
    result = {"changed": asked_for(params, before), "active": before, "former": before}
    if result["changed"]:
        result["active"] = params["to"]
        if not module.check_mode:
            words = ["--to", params["to"]] if params["to"] else []
            result["active"] = tool.call("rollback", "--wait", str(params["wait"]), *words)[1]["active"]
    if module._diff:
        result["diff"] = diff_of("active", before, result["active"])
    return result


def main():
    """Run the module."""
    spec = {
        "prefix": {"type": "path", "required": True},
        "to": {"type": "str"},
        "from_release": {"type": "str"},
        "wait": {"type": "int", "default": 600},
    }
    run(AnsibleModule(argument_spec=spec, supports_check_mode=True, mutually_exclusive=[("to", "from_release")]), work)


if __name__ == "__main__":
    main()

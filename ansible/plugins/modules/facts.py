#!/usr/bin/python
# Copyright: RAGTrace Enterprise Offline contributors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Return what is installed on a host, and which bundles fit it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: facts
short_description: Return what is installed on a host, and which bundles fit it
version_added: 0.1.0
description:
  - Returns the active release and the retained ones, and the platform and Python that bundles are built for.
  - Nothing is changed. A host where nothing is installed is no failure.
extends_documentation_fragment:
  - ragtrace.offline.tool
attributes:
  check_mode:
    description: Nothing is changed in either mode.
    support: full
  diff_mode:
    description: Nothing is changed, so there is nothing to show.
    support: none
  facts:
    description: Returns C(ragtrace).
    support: full
"""

EXAMPLES = r"""
- name: Read what is installed
  ragtrace.offline.facts:
    prefix: /opt/ragtrace
  become: true

- name: Show it
  ansible.builtin.debug:
    msg: "{{ ansible_facts.ragtrace.version }}"
"""

RETURN = r"""
ansible_facts:
  description: The facts of this host.
  returned: always
  type: dict
  contains:
    ragtrace:
      description: What is installed in the prefix, and what fits it.
      type: dict
      returned: always
      contains:
        active:
          description: The active release, or V(null).
          type: str
          returned: always
        version:
          description: The version of the application, or V(null).
          type: str
          returned: always
        counter:
          description: The release counter, or V(null).
          type: int
          returned: always
        releases:
          description: The names of all retained releases.
          type: list
          elements: str
          returned: always
        platform:
          description: Platform and architecture, as bundles name them.
          type: str
          returned: always
          sample: linux-x86_64
        python:
          description: The version of the interpreter that runs the installer.
          type: str
          returned: always
          sample: "3.11"
"""

import platform
import sys

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.ragtrace.offline.plugins.module_utils.tool import Tool, run


def target():
    """Return platform and architecture as bundles name them."""
    system = {"Linux": "linux", "Darwin": "macos"}.get(platform.system(), platform.system().lower())
    if system == "linux" and platform.libc_ver()[0] != "glibc":
        system = "musllinux"
    machine = platform.machine().lower()
    if system == "macos":
        machine = {"aarch64": "arm64"}.get(machine, machine)
    return "%s-%s" % (system, {"amd64": "x86_64"}.get(machine, machine))


def work(module):
    """Do what the task asks for."""
    tool = Tool(module, module.params["prefix"])
    status = tool.status() or {"active": None, "releases": []}
    rows = {one["release"]: one for one in status["releases"]}
    product = rows.get(status["active"], {}).get("product") or {}
    facts = {
        "prefix": module.params["prefix"],
        "active": status["active"],
        "product": product.get("name"),
        "version": product.get("version"),
        "counter": product.get("counter"),
        "releases": sorted(rows),
        "platform": target(),
        "python": "%d.%d" % sys.version_info[:2],
    }
    return {"changed": False, "ansible_facts": {"ragtrace": facts}}


def main():
    """Run the module."""
    run(AnsibleModule(argument_spec={"prefix": {"type": "path", "required": True}}, supports_check_mode=True), work)


if __name__ == "__main__":
    main()

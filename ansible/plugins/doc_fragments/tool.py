# Copyright: RAGTrace Enterprise Offline contributors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What the documentation of several modules shares."""

from __future__ import annotations


class ModuleDocFragment:
    """Options of every module that calls the tool, and of those that change something."""

    DOCUMENTATION = r"""
options:
  prefix:
    description:
      - The prefix, the folder of the installation on the host.
      - It belongs to the user that the task runs as, and so do all folders that lead to it.
    type: path
    required: true
requirements:
  - Python 3.9 or later on the host
author:
  - RAGTrace Enterprise Offline (@ragtrace)
"""

    CHANGES = r"""
options:
  wait:
    description:
      - Wait this many seconds for another run of the tool on the host to finish.
      - If the lock is still held then, the task fails with exit code 8.
    type: int
    default: 600
"""

    BUNDLE = r"""
options:
  sums_sha256:
    description:
      - The SHA-256 of the bundle's C(SHA256SUMS), as M(ragtrace.offline.bundle_info) returns it.
      - If the file on the host is another one, the task fails before anything of the bundle is run.
    type: str
  python:
    description:
      - The interpreter on the host that runs the installer of the bundle, if it is not the one that Ansible uses.
    type: path
"""

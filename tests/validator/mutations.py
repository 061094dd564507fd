"""Ways to break a host or an installation, each with the check that must notice it and with what helps.

``python -m tools.reference`` writes the table into docs/mutations.md; tests/validator/test_mutations.py does each.
"""

from __future__ import annotations

from tests.validator.broken_applications import APPLICATIONS
from tests.validator.broken_hosts import HOSTS, MEASURED, SECURITY
from tests.validator.broken_installations import PACKAGES, RELEASES

MUTATIONS = (*RELEASES, *PACKAGES, *APPLICATIONS, *SECURITY, *HOSTS, *MEASURED)

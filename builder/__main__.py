"""``python -m builder``."""

import sys

try:
    from builder.cli import main
except KeyboardInterrupt:  # the imports take noticeable time
    sys.exit(130)

sys.exit(main())

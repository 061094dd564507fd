"""``python -m builder``."""

import sys

try:
    from builder.cli import main
except KeyboardInterrupt:  # its imports take a moment
    sys.exit(130)

sys.exit(main())

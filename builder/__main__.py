"""``python -m builder``."""

import sys

try:
    from builder.cli import main
except KeyboardInterrupt:  # the imports take noticeable time
    sys.exit(130)
except ModuleNotFoundError as error:  # before any catalogue could be loaded
    sys.exit(
        f"error: This Python lacks {error.name}, which the builder needs.\n"
        "  next: Run `make .venv/ready` in the checkout and use .venv/bin/python, or install ragtrace-builder."
    )

sys.exit(main())

"""Start the web page from the source tree."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "src"))

from rag_mini.dashboard import main

if __name__ == "__main__":
    sys.exit(main())

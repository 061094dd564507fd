"""Answer what the user's locale gives: [why it is not available or null, encoding of texts, encoding of file names].

In a process of its own: setlocale changes the whole process.
"""

import json
import locale
import sys


def main() -> None:
    """Answer in a line of its own."""
    try:
        locale.setlocale(locale.LC_ALL, "")
        reason = None
    except locale.Error as error:
        reason = str(error)
    answer = [reason, locale.getpreferredencoding(False), sys.getfilesystemencoding()]
    sys.stdout.write("\nragtrace-answer " + json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()

"""Print the user's locale as JSON: [reason it is unavailable, or null; text encoding; file name encoding].

This runs in a separate process because setlocale affects the whole process.
"""

import json
import locale
import sys


def main() -> None:
    """Set the locale, and print the result on a line that starts with ``ragtrace-answer``."""
    try:
        locale.setlocale(locale.LC_ALL, "")
        reason = None
    except locale.Error as error:
        reason = str(error)
    answer = [reason, locale.getpreferredencoding(False), sys.getfilesystemencoding()]
    sys.stdout.write("\nragtrace-answer " + json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()

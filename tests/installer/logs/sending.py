"""Send numbered events by a collector's handler: ``sending.py ADDRESS``, and how many more on each line of stdin."""

from __future__ import annotations

import sys

from installer.logs import runlog, syslog
from installer.logs.collector_address import parse_address


def main() -> None:
    address, number = parse_address(sys.argv[1]), 0
    collector = syslog.collector_for(address, "sending")
    runlog.send_to(collector, runlog.Lines("sending", address.limit))
    for line in sys.stdin:
        for _ in range(int(line)):
            runlog.LOG.info("%d", number)
            number += 1
        print(number, flush=True)
    runlog.end([collector])
    print("lost", collector.lost, "waiting", collector.waiting, collector.reason, flush=True)


if __name__ == "__main__":
    main()

"""Multiply square matrices for a while; print [seconds of the fastest product, its first element, numpy's version]."""

import json
import sys
import time


def main(size: int, spell: float) -> None:
    """Repeat the product for ``spell`` seconds, at least once, and print the result after ``ragtrace-answer``."""
    import numpy

    first, second = numpy.full((size, size), 1.5), numpy.full((size, size), 0.5)
    best, until = None, time.perf_counter() + spell
    while best is None or time.perf_counter() < until:
        started = time.perf_counter()
        product = first @ second
        seconds = time.perf_counter() - started
        best = seconds if best is None else min(best, seconds)
    answer = [best, float(product[0, 0]), numpy.__version__]
    sys.stdout.write("\nragtrace-answer " + json.dumps(answer) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))

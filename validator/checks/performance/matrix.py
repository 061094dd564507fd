"""Matrix product: the speed of the release's numpy on this host."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.i18n import _
from shared.processes import scripts
from validator.check import NORMAL, PERFORMANCE, SKIP, Check, CheckResult, UncheckedError
from validator.checks.performance.measured import Measured, judged
from validator.trials import trial

if TYPE_CHECKING:
    from collections.abc import Iterator

    from validator.subject import Subject

SIZE = 1024  # rows and columns: 8 MB per matrix, larger than a core's cache and fast even on a slow host
SECONDS = 1.0  # duration of the repetitions
PRODUCT = scripts.text("scripts/multiply_matrices")


class MatrixProduct(Check):
    """Multiplies two square float64 matrices repeatedly with the release's numpy, and reports the fastest run."""

    id = "performance.matrix"
    category = PERFORMANCE
    time_limit = 60.0
    effort = NORMAL
    measures = True

    def title(self) -> str:
        return _("Matrix multiplication")

    def run(self, subject: Subject) -> Iterator[CheckResult]:
        installation = subject.need_installation()
        if not any(package.name == "numpy" for package in installation.manifest.packages):
            raise UncheckedError(SKIP, _("the bundle has no numpy"))
        limit = self.left()
        ended = trial.run_python(installation, ["-c", PRODUCT, str(SIZE), str(SECONDS)], timeout=limit)
        answer = trial.answer_in(ended) if ended.ok else None
        if answer is None:
            yield self.failed(trial.ending(ended, limit), evidence={"packages": ["numpy"]}, **subject.repair())
            return
        seconds, corner, version = answer
        if corner != 0.75 * SIZE:
            details = _("numpy {version} returns a wrong result: expected {wanted}, got {found}").format(
                version=version, found=corner, wanted=0.75 * SIZE
            )
            yield self.failed(details, evidence={"packages": ["numpy"]}, **subject.repair())
            return
        speed = 2 * SIZE**3 / seconds / 1e9  # one multiplication and one addition per term
        details = _("numpy {version}, {size} by {size} in {milliseconds:.1f} ms").format(
            version=version, size=SIZE, milliseconds=seconds * 1000
        )
        metric = {"matrix_product": (round(speed, 2), "GFLOP/s")}
        yield judged(self, subject, details, Measured(metric, {"matrix_product": "matrix_gflops"}))

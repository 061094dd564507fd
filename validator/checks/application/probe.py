"""Model response: the installed model returns the embedding that the manifest defines, or one of its dimension."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bundle.embedding import difference, embedding_in
from shared.errors import ToolError
from shared.i18n import _, plural
from validator.check import APPLICATION, NORMAL, SKIP, Check, CheckResult, UncheckedError
from validator.trials import apart, trial

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bundle.product.model import Model, Probe
    from installer.release.installation import Installation
    from validator.subject import Subject


class ModelProbe(Check):
    """Runs each model's probe command offline, and compares the output with the expected embedding or dimension."""

    id = "ragtrace.probe"
    category = APPLICATION
    time_limit = 300.0
    effort = NORMAL

    def title(self) -> str:
        return _("Model response")

    def run(self, subject: Subject) -> Iterator[CheckResult]:
        installation = subject.need_installation()
        probed = [(model, model.probe) for model in installation.manifest.models if model.probe]
        if not probed:
            raise UncheckedError(SKIP, _("no model in the bundle has a probe"))
        for model, probe in probed:
            name, evidence = self.name_of(model), {"model": model.name}
            if self.is_over:
                yield self.untried(name=name, evidence=evidence)
                continue
            reason = self.trouble(installation, probe)
            if reason:
                yield self.failed(reason, name=name, evidence=evidence, **subject.repair())
                continue
            yield self.passed(self.right(probe), name=name, evidence=evidence)

    @staticmethod
    def right(probe: Probe) -> str:
        """Return the description of a successful probe."""
        if not probe.embedding:
            length = probe.dimension or 0
            return plural(
                "{count} number, as expected; the bundle has no embedding to compare it with",
                "{count} numbers, as expected; the bundle has no embedding to compare them with",
                length,
            ).format(count=length)
        words = (
            _("the embedding of the test sentence matches within {tolerance:g} with the network disabled")
            if apart.possible()
            else _("the embedding matches within {tolerance:g}; the network could not be disabled here")
        )
        return words.format(tolerance=probe.tolerance)

    def name_of(self, model: Model) -> str:
        return _("Response of {model}").format(model=model.name)

    def trouble(self, installation: Installation, probe: Probe) -> str | None:
        """Return a description of the problem with the model's response, or None."""
        limit = self.left()
        try:
            command = (*probe.command, probe.sentence)
            ended = trial.run_launcher(installation, command, timeout=limit, offline=True)
        except ToolError as error:
            return error.what
        if not ended.ok:
            return trial.ending(ended, limit)
        answer = embedding_in(ended.stdout)
        if answer is None:
            return _("it did not print a list of numbers")
        return difference(answer, probe)

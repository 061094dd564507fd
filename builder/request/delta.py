"""Select the base release of each target's delta bundle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.errors import UsageError
from shared.i18n import _

if TYPE_CHECKING:
    from builder.request.bases import Base
    from builder.request.moment import Moment
    from builder.request.request import Request
    from bundle.target import Target


def name_of(target: Target) -> str:
    """Return the target and ABI, which a base and a release must share, as human-readable text."""
    return f"{target} {target.abi}"


def bases_of(request: Request, product: str, moment: Moment) -> dict[str, Base]:
    """Return the base of each target by its name (``name_of``); empty if the request has no bases.

    Raises UsageError if a base does not match the product, the counter or the targets.
    """
    bases, targets, counter = request.bases, request.targets, moment.counter
    by_name: dict[str, Base] = {}
    for base in bases:
        name = name_of(base.manifest.target)
        if base.manifest.product.name != product:
            raise UsageError(
                _("The base bundle is for {name}, not for {product}.").format(
                    name=base.manifest.product.name, product=product
                )
            )
        if base.manifest.product.counter >= counter:
            raise UsageError(
                _("The base bundle has release counter {counter}, which is not lower than {wanted}.").format(
                    counter=base.manifest.product.counter, wanted=counter
                ),
                advice=moment.advice(base.manifest, request.project_root),
            )
        if name in by_name:
            raise UsageError(_("More than one base bundle for {target}.").format(target=name))
        by_name[name] = base
    wanted = {name_of(target) for target in targets} if bases else set()
    for name in sorted(wanted - by_name.keys()):
        raise UsageError(
            _("No base bundle for {target}.").format(target=name),
            advice=_("Specify one for each target, or build full bundles in a separate run."),
        )
    for name in sorted(by_name.keys() - wanted):
        raise UsageError(
            _("The base bundle is for {target}, which is not among the targets of this build.").format(target=name)
        )
    return by_name

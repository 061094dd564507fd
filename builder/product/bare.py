"""What is stated where there is no project table: by a script, or by a folder with a lockfile alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from builder.project.project import has_src_layout, top_level_packages
from builder.project.stated import Stated, template_in
from bundle.names import PLAIN
from bundle.product.application import Launcher

if TYPE_CHECKING:
    from pathlib import Path


def stated_by_script(project_root: Path, script: Path, name: str | None) -> Stated:
    """Return what a script states: it is the only file and the only command. ``name`` is the product's, if given."""
    inside, product = script.relative_to(project_root).as_posix(), name or script.stem
    return Stated(
        title=product if PLAIN.fullmatch(product) else "",
        name=product,
        launchers=(Launcher(script.stem.replace("_", "-"), "script", inside),),
        core_imports=(),
        import_paths=(".",),
        template=None,
        origin=script.name,
        include=(inside,),
    )


def stated_by_folder(project_root: Path, name: str | None) -> Stated:
    """Return what a folder states: its packages that run with -m are its commands. ``name`` is the product's."""
    apart = has_src_layout(project_root)
    folder = project_root / "src" if apart else project_root
    runnable = [one for one in top_level_packages(folder, None, {}) if (folder / one / "__main__.py").is_file()]
    return Stated(
        title=name or "",
        name=name or project_root.name,
        launchers=tuple(Launcher(one.replace("_", "-"), "module", one) for one in runnable),
        core_imports=tuple(runnable),
        import_paths=("src" if apart else ".",),
        template=template_in(project_root),
        origin=project_root.name,
    )

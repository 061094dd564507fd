"""Imports that take place when they are used, and those that cannot."""

from __future__ import annotations

import os
import sys

import pytest

from shared.programs.lazy import compiling
from tests.shared.programs.lazy.applications import HEAVY, application, compiled, said


@pytest.mark.parametrize(
    ("statement", "use"),
    [
        ("import heavy", "heavy.LIMIT"),
        ("import heavy as h", "h.LIMIT"),
        ("from heavy import LIMIT", "LIMIT"),
        ("from heavy import LIMIT as most, Frame", "most"),
        ("from heavy import LIMIT", "[LIMIT for _ in range(1)][0]"),
        ("from heavy import LIMIT", "(lambda: LIMIT)()"),
        ("from heavy import LIMIT", "int(f'{LIMIT}')"),
        ("from heavy import LIMIT", "(lambda more=LIMIT: more)()"),
    ],
)
def test_an_import_takes_place_when_a_function_uses_it(tmp_path, statement, use) -> None:
    app = application(tmp_path, user=f"{statement}\ndef work():\n    return {use}\n")
    assert list(compiled(app)["lazy"]) == ["user.py"]
    code = "import sys, user; print('before', 'heavy' in sys.modules); print(user.work(), user.work())"
    assert said(app, code) == "before False heavy is loaded 7 7"


@pytest.mark.parametrize(
    "text",
    [
        "from heavy import LIMIT\nMORE = LIMIT + 1",
        "from heavy import Frame\nclass Mine(Frame): pass",
        "from heavy import Frame\nclass Mine:\n    kind = Frame",
        "from heavy import LIMIT\ndef work(most=LIMIT): pass",
        "import functools\nfrom heavy import Frame\n@functools.singledispatch\ndef work(frame: Frame): pass",
        "from heavy import Frame\nfrom dataclasses import dataclass\n@dataclass\nclass Row:\n    frame: Frame = None",
        "from dataclasses import dataclass\nfrom heavy import Frame\n@dataclass\nclass Row:\n    frame: 'Frame' = None",
        "from heavy import LIMIT\nLIMIT = 8",
        "from heavy import LIMIT\ndef change():\n    global LIMIT\n    LIMIT = 8",
        "from heavy import LIMIT\nfrom heavy import Frame as LIMIT",
        "from heavy import LIMIT\ndef work():\n    return [LIMIT for LIMIT in 'ab']",
        "from heavy import LIMIT\nwork = lambda LIMIT: LIMIT",
        "from heavy import LIMIT\nclass Mine:\n    LIMIT = 1",
        "from heavy import LIMIT\ndef work():\n    return globals()['LIMIT']",
        "from heavy import LIMIT\ndef __getattr__(name): return 1",
        "from heavy import LIMIT\ndel LIMIT",
        "try:\n    import heavy\nexcept ImportError:\n    heavy = None",
        "if True:\n    import heavy",
        "from heavy import *",
        "from heavy import LIMIT\nfrom other import LIMIT",
        "from other import *\nfrom heavy import LIMIT",
        "import heavy\nimport heavy as heavy",
        "import typing\nfrom heavy import Frame\nOr = typing.Optional['Frame']",
        "from other import __getattr__\nfrom heavy import LIMIT",
        "from heavy import LIMIT as len",
    ],
)
def test_what_is_needed_at_once_is_imported_at_once(tmp_path, text) -> None:
    app = application(tmp_path, user=text, other="LIMIT = 9\ndef __getattr__(name): raise AttributeError(name)\n")
    assert compiled(app)["lazy"] == {}
    assert said(app, "import user") == "heavy is loaded"


def test_what_another_import_binds_too_is_not_lost(tmp_path) -> None:
    user = "import pkg.heavy\nimport pkg.light\ndef work(): return pkg.heavy.LIMIT + pkg.light.LIMIT\n"
    app = application(tmp_path, user=user, pkg__heavy=HEAVY, pkg__light="LIMIT = 1\n")
    assert compiled(app, ["pkg.heavy"])["lazy"] == {}
    assert said(app, "import user; print(user.work())") == "heavy is loaded 8"


def test_an_import_may_have_any_name(tmp_path) -> None:
    user = "from heavy import LIMIT as name, Frame as found\ndef work(): return name, found.rows\n"
    app = application(tmp_path, user=user)
    assert compiled(app)["lazy"] == {"user.py": ["found", "name"]}
    assert said(app, "import user; print(user.work())") == "heavy is loaded (7, 3)"


def test_a_name_that_a_function_has_of_its_own_stays_its_own(tmp_path) -> None:
    user = """
        from heavy import LIMIT
        def own():
            LIMIT = "own"
            def inner():
                return LIMIT
            return inner()
        def argument(LIMIT):
            return LIMIT
        def imported():
            from heavy import Frame as LIMIT
            return LIMIT.rows
        def shared():
            return LIMIT
    """
    app = application(tmp_path, user=user)
    assert compiled(app)["lazy"] == {"user.py": ["LIMIT"]}
    code = "import user; print(user.own(), user.argument(2)); print(user.imported(), user.shared())"
    assert said(app, code) == "own 2 heavy is loaded 3 7"


def test_an_import_under_another_name_in_a_function_hides_nothing(tmp_path) -> None:
    user = "import heavy\ndef work():\n    import heavy as other\n    return other.LIMIT + heavy.LIMIT\n"
    app = application(tmp_path, user=user)
    assert compiled(app)["lazy"] == {"user.py": ["heavy"]}
    assert said(app, "import user; print(user.work())") == "heavy is loaded 14"


def test_packages_pass_on_what_their_modules_have(tmp_path) -> None:
    app = application(
        tmp_path,
        pkg___init="from .light import light\nfrom .deep import Deep\nfrom . import light as module\n",
        pkg__light="def light():\n    return 'light'\n",
        pkg__deep="from heavy import Frame\nfrom pkg.light import light\nclass Deep(Frame):\n    way = light()\n",
    )
    # `light` is a module of the package too, and a package can't ask itself
    assert compiled(app, ["pkg"])["lazy"] == {"pkg/__init__.py": ["Deep"]}
    assert said(app, "import pkg; print(pkg.light()); print(pkg.Deep.way)") == "light heavy is loaded light"


def test_relative_imports_of_a_nested_package(tmp_path) -> None:
    app = application(
        tmp_path,
        a__b__c="from ...heavy import LIMIT\nfrom ..d import D\ndef work():\n    return D\n",
        a__d="print('d is loaded')\nD = 4\n",
    )
    assert compiled(app, ["a.d"])["lazy"] == {"a/b/c.py": ["D"]}
    assert compiled(app, ["a.d.D"])["lazy"] == {"a/b/c.py": ["D"]}
    assert compiled(app, ["a.dd"])["lazy"] == {}


def test_what_others_take_whole_is_not_lazy(tmp_path) -> None:
    app = application(tmp_path, names="from heavy import LIMIT\n", taker="from names import *\nprint(LIMIT)\n")
    assert compiled(app)["lazy"] == {}
    assert said(app, "import taker") == "heavy is loaded 7"


def test_docstring_and_future_stay_first(tmp_path) -> None:
    user = '''
        """Told."""
        from __future__ import annotations
        from heavy import Frame
        def work(a: Frame): return Frame.rows
    '''
    app = application(tmp_path, user=user)
    assert compiled(app)["lazy"] == {"user.py": ["Frame"]}
    assert said(app, "import user; print(user.__doc__, list(user.work.__annotations__)); print(user.work(1))") == (
        "Told. ['a'] heavy is loaded 3"
    )


def test_an_import_that_fails_says_where_it_stands(tmp_path) -> None:
    app = application(tmp_path, user="\n\nfrom heavy import nothing\ndef work():\n    return nothing\n")
    compiled(app)
    code = """
        import user, traceback
        try:
            user.work()
        except ImportError as error:
            print(traceback.extract_tb(error.__traceback__)[-1].lineno)
    """
    assert said(app, code) == "heavy is loaded 3"


def test_a_source_that_changed_is_taken_as_it_is(tmp_path) -> None:
    app = application(tmp_path, user="from heavy import LIMIT\ndef work(): return LIMIT\n")
    compiled(app)
    (app / "user.py").write_text("from heavy import LIMIT\ndef work(): return LIMIT * 2\n")
    assert said(app, "import user; print('now'); print(user.work())") == "heavy is loaded now 14"


def test_everything_is_compiled_but_the_users_folders_and_what_is_no_python(tmp_path) -> None:
    app = application(tmp_path, pkg___init="", pkg__mod="", data__mine="x = 1", broken="def (:\n", cell="return 1\n")
    os.symlink(app / "heavy.py", app / "link.py")
    compiled(app, persist=["data"])
    found = sorted(path.relative_to(app).as_posix().split(".")[0] for path in app.rglob("*.pyc"))
    assert found == ["__pycache__/heavy", "pkg/__pycache__/__init__", "pkg/__pycache__/mod"]


def test_what_the_application_imports_from_elsewhere(tmp_path) -> None:
    user = (
        "import json, numpy.linalg\nimport heavy\ndef work():\n    from google import genai\n    from . import other\n"
    )
    found = compiled(application(tmp_path, user=user))["imports"]
    assert [name for name in found if name not in sys.stdlib_module_names] == ["google", "google.genai", "numpy.linalg"]


def test_a_name_of_three_threads_is_imported_once(tmp_path) -> None:
    app = application(tmp_path, user="from heavy import Frame\ndef work(): return Frame\n")
    compiled(app)
    code = """
        import user
        from concurrent.futures import ThreadPoolExecutor
        with ThreadPoolExecutor(3) as pool:
            print(len(set(pool.map(lambda _: user.work(), range(30)))))
    """
    assert said(app, code) == "heavy is loaded 1"


def test_patterns_keep_their_names(tmp_path) -> None:
    if sys.version_info < (3, 10):
        pytest.skip("no match statement")
    user = "from heavy import Frame\ndef work(item):\n    match item:\n        case Frame(): return 1\n"
    assert compiled(application(tmp_path, user=user))["lazy"] == {}


def test_a_list_names_modules_and_what_is_below_them() -> None:
    assert compiling.is_named("a.b.c", ["a.b"])
    assert not compiling.is_named("a.bc", ["a.b"])


def test_an_installed_package_of_the_application_is_compiled_as_it_is(tmp_path):
    app = tmp_path / "app"
    app.mkdir()
    (app / "start.py").write_text("import thing.inner\n")
    site = tmp_path / "site"
    (site / "thing").mkdir(parents=True)
    (site / "thing" / "__init__.py").write_text("import heavy\nfrom thing import inner\n")
    (site / "thing" / "inner.py").write_text("")
    (site / "alone.py").write_text("")
    answer = compiled(app, import_paths=[], installed=[str(site / "thing"), str(site / "alone.py")])
    assert answer == {"lazy": {}, "imports": ["heavy"]}
    made = {path.name.partition(".")[0] for path in site.rglob("*.pyc")}
    assert made == {"__init__", "inner", "alone"}

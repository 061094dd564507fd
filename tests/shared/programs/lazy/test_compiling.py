"""Applications of a few lines, compiled by the product and then run as a user runs them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from textwrap import dedent

import pytest

from installer.release import bytecode
from shared.processes import scripts
from shared.programs.lazy import compiling

HEAVY = "import sys\nprint('heavy is loaded')\nclass Frame:\n    rows = 3\nLIMIT = 7\n"


def application(tmp_path, **modules: str):
    """Lay out an application; ``a__b`` is the module ``a/b.py``."""
    app = tmp_path / "app"
    for name, text in {"heavy": HEAVY, **modules}.items():
        path = app.joinpath(*f"{name}.py".split("__"))
        if name.endswith("___init"):
            path = app / name.removesuffix("___init") / "__init__.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text))
    return app


def compiled(app, lazy=("heavy",), **more):
    """Compile an application in an interpreter of its own, as an installation does."""
    request = {"app": str(app), "import_paths": ["."], "persist": [], "lazy": list(lazy), **more}
    argv = [sys.executable, "-I", "-S", "-B", "-c", bytecode.COMPILE, str(bytecode.HOME)]
    ended = subprocess.run(argv, input=json.dumps(request), capture_output=True, text=True, check=True)
    return json.loads(scripts.answer(ended.stdout) or "")


def said(app, code: str) -> str:
    """Run code with the application on its path, writing no bytecode, and return what it prints."""
    ended = subprocess.run(
        [sys.executable, "-B", "-c", dedent(code)], cwd=app, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return " ".join(ended.stdout.split())


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


def test_annotations_of_plain_functions_become_text(tmp_path) -> None:
    user = """
        from heavy import Frame
        class Reader:
            def read(self, path: str) -> Frame: return Frame()
            @staticmethod
            def other(frame: "list[Frame]", *, more: Frame = None) -> int: return frame.rows
        async def later(frame: Frame): local: Frame = frame
    """
    app = application(tmp_path, user=user)
    assert compiled(app)["lazy"] == {"user.py": ["Frame"]}
    code = (
        "import user; print(type(user.Reader.read.__annotations__['return']), user.Reader.read.__annotations__['path'])"
    )
    assert said(app, code) == "<class 'str'> <class 'str'>"
    code = "import user, typing; print(typing.get_type_hints(user.Reader.{})['{}'])"
    assert said(app, code.format("read", "return")) == "heavy is loaded <class 'heavy.Frame'>"
    assert said(app, code.format("other", "frame")) == "heavy is loaded list[heavy.Frame]"


@pytest.mark.parametrize("future", ["", "from __future__ import annotations\n"])
@pytest.mark.parametrize(
    ("annotation", "hint"),
    [
        ("Frame", "<class 'heavy.Frame'>"),
        ("'Frame'", "<class 'heavy.Frame'>"),
        ("typing.List['Frame']", "typing.List[heavy.Frame]"),
        ("typing.Tuple[typing.Literal['Frame'], Frame]", "typing.Tuple[typing.Literal['Frame'], heavy.Frame]"),
    ],
)
def test_who_evaluates_an_annotation_gets_what_it_names(tmp_path, future, annotation, hint) -> None:
    user = f"{future}import typing\nfrom heavy import Frame\nclass S:\n    def __init__(self, a: {annotation}): pass\n"
    app = application(tmp_path, user=user)
    assert compiled(app)["lazy"] == {"user.py": ["Frame"]}
    code = "import user, typing; print('now'); print(typing.get_type_hints(user.S.__init__)['a'])"
    assert said(app, code) == f"now heavy is loaded {hint}"


def test_annotations_in_functions_are_what_they_name(tmp_path) -> None:
    user = """
        from heavy import Frame
        def work(Other, Frame2=None):
            def inner(a: Frame, b: Other) -> "Frame": pass
            return inner
        def shadowed(Frame):
            def inner(a: Frame): pass
            return inner
    """
    app = application(tmp_path, user=user)
    assert compiled(app)["lazy"] == {"user.py": ["Frame"]}
    code = "import user; print(user.shadowed(3).__annotations__, user.work(int).__annotations__)"
    assert said(app, code) == (
        "heavy is loaded {'a': 3} {'a': <class 'heavy.Frame'>, 'b': <class 'int'>, 'return': 'Frame'}"
    )


def test_others_get_a_lazy_name_from_the_module(tmp_path) -> None:
    app = application(tmp_path, pkg___init="from heavy import Frame, LIMIT\n__all__ = ['LIMIT']\n")
    compiled(app)
    assert said(app, "from pkg import Frame; print(Frame.rows)") == "heavy is loaded 3"
    assert said(app, "from pkg import *; print(LIMIT)") == "heavy is loaded 7"
    assert said(app, "import pkg; print(hasattr(pkg, 'nothing'))") == "False"
    code = "import pkg; from unittest import mock\nwith mock.patch('pkg.LIMIT', 9): print(pkg.LIMIT)\nprint(pkg.LIMIT)"
    assert said(app, code) == "heavy is loaded 9 7"


USER = "from heavy import LIMIT\nOWN = 1\ndef work():\n    return LIMIT\n"


def test_a_list_of_what_a_module_has_is_what_it_would_be(tmp_path) -> None:
    app = application(tmp_path, user=USER)
    code = "import sys, user; print([n for n in dir(user) if n != '__builtins__'], '|', 'heavy' in sys.modules)"
    whole = said(app, code).replace("heavy is loaded ", "")
    assert compiled(app)["lazy"] == {"user.py": ["LIMIT"]}
    assert said(app, code) == whole.replace("| True", "| False")
    members = "import inspect, user; print([n for n, _ in inspect.getmembers(user, lambda it: it == 7)])"
    assert said(app, members) == "heavy is loaded ['LIMIT']"


def test_a_module_that_is_loaded_again_imports_again(tmp_path) -> None:
    """importlib.reload runs it in the namespace that it has."""
    app = application(tmp_path, user=USER)
    code = """
        import importlib, sys, user
        before = user.work()
        sys.modules["heavy"].LIMIT = 8
        print(before, user.work(), importlib.reload(user).work(), user.LIMIT)
    """
    whole = said(app, code)
    assert whole == "heavy is loaded 7 7 8 8"
    assert compiled(app)["lazy"] == {"user.py": ["LIMIT"]}
    assert said(app, code) == whole


@pytest.mark.parametrize(
    "look",
    [
        *("globals()", "vars()", "locals()", "dir()", "eval('LIMIT')", "exec('LIMIT')", "builtins.globals()"),
        *("sys.modules[__name__].__dict__", "sys._getframe().f_globals", "work.__globals__"),
    ],
)
def test_a_module_that_looks_at_its_namespace_is_not_lazy(tmp_path, look) -> None:
    assert compiled(application(tmp_path, user=f"import sys, builtins\n{USER}SEEN = {look}\n"))["lazy"] == {}


@pytest.mark.parametrize("use", ["dir(object())", "self.__dict__", "dir = 1"])
def test_looking_at_something_else_keeps_a_module_lazy(tmp_path, use) -> None:
    app = application(tmp_path, user=f"{USER}def other(self):\n    {use}\n")
    assert compiled(app)["lazy"] == {"user.py": ["LIMIT"]}


def test_who_reads_the_dictionary_of_another_module_sees_what_was_used(tmp_path) -> None:
    """A limit, as docs/profiles.md says."""
    app = application(tmp_path, user=USER)
    code = "import user; print('LIMIT' in vars(user), hasattr(user, 'LIMIT'), 'LIMIT' in user.__dict__)"
    compiled(app)
    assert said(app, code) == "heavy is loaded False True True"


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

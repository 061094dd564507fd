"""What others see of a module whose imports take place later: its names, its dictionary, a reload."""

from __future__ import annotations

import pytest

from tests.shared.programs.lazy.applications import USER, application, compiled, said


def test_others_get_a_lazy_name_from_the_module(tmp_path) -> None:
    app = application(tmp_path, pkg___init="from heavy import Frame, LIMIT\n__all__ = ['LIMIT']\n")
    compiled(app)
    assert said(app, "from pkg import Frame; print(Frame.rows)") == "heavy is loaded 3"
    assert said(app, "from pkg import *; print(LIMIT)") == "heavy is loaded 7"
    assert said(app, "import pkg; print(hasattr(pkg, 'nothing'))") == "False"
    code = "import pkg; from unittest import mock\nwith mock.patch('pkg.LIMIT', 9): print(pkg.LIMIT)\nprint(pkg.LIMIT)"
    assert said(app, code) == "heavy is loaded 9 7"


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

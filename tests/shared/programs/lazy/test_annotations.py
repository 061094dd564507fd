"""Annotations that name what is imported later."""

from __future__ import annotations

import pytest

from tests.shared.programs.lazy.applications import application, compiled, said


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

"""Every text that an operator sees has its Korean form, with the same placeholders."""

import ast
import re

import pytest

from tools.catalogues import LOCALES, extract, read, sources

CATALOGUES = sorted(LOCALES.rglob("*.po"))
PLACEHOLDER = re.compile(r"\{[a-z_]*(?:![rs])?(?::[^{}]*)?\}")


@pytest.fixture(scope="module")
def shown():
    return [message for message in extract() if message.id]


def forms(text):
    return (text,) if isinstance(text, str) else tuple(text)


def called_with(source):
    """Return the first argument of each call of _ and plural; None where it is no literal."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    named = [call for call in calls if getattr(call.func, "id", "") in ("_", "plural")]
    return [getattr(call.args[0], "value", None) for call in named]


def test_the_extractor_sees_every_text(shown):
    seen = {forms(message.id)[0] for message in shown}
    unseen = [(path.name, text) for path in sources() for text in called_with(path.read_text()) if text not in seen]
    assert not unseen  # as those inside an f-string


def test_there_is_a_korean_catalogue():
    assert [path.parent.parent.name for path in CATALOGUES] == ["ko"]


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.parent.parent.name)
def test_every_text_is_translated(path, shown):
    catalogue = read(path)
    missing = [
        message.id for message in shown if not (known := catalogue.get(message.id)) or not all(forms(known.string))
    ]
    assert not missing, f"{len(missing)} texts lack a translation, for example {missing[:3]}"


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.parent.parent.name)
def test_translations_keep_the_placeholders(path, shown):
    wrong = []
    for message in read(path):
        if message.id and all(forms(message.string)):
            wanted = {name for text in forms(message.id) for name in PLACEHOLDER.findall(text)}
            wrong += [text for text in forms(message.string) if set(PLACEHOLDER.findall(text)) != wanted]
    assert not wrong


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.parent.parent.name)
def test_no_translation_is_left_over(path, shown):
    wanted = {message.id for message in shown}
    assert not [message.id for message in read(path) if message.id and message.id not in wanted]

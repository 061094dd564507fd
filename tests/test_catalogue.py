"""Every text that an operator sees has its Korean form, with the same placeholders."""

import re

import pytest

from builder.zipapp.catalogues import read
from tools.catalogues import LOCALES, extract, texts

CATALOGUES = sorted(LOCALES.rglob("*.po"))
PLACEHOLDER = re.compile(r"\{[a-z_]*(?:![rs])?(?::[^{}]*)?\}|%\([a-z_]+\)[rs]|%[rs]")
PARTICLES = re.compile(r"[은이을과와]\([는가를과와]\)|\(으\)로|\(이\)")


@pytest.fixture(scope="module")
def shown():
    return [message for message in extract() if message.id]


def forms(text):
    return (text,) if isinstance(text, str) else tuple(text)


def test_texts_are_found_wherever_they_stand(tmp_path):
    file = tmp_path / "module.py"
    file.write_text("""f"<b>{_('inside')}</b>"; _("two " "parts"); plural("one", "many", n); other("none")""")
    assert sorted(map(forms, texts(file))) == [("inside",), ("one", "many"), ("two parts",)]


def test_a_text_that_no_catalogue_can_have_is_refused(tmp_path):
    file = tmp_path / "module.py"
    file.write_text('_(f"{name} is missing")')
    with pytest.raises(ValueError, match=r"module\.py, line 1"):
        list(texts(file))


# a number and then a noun in the plural, with at most three words between them: "{count} known vulnerabilities"
NO_NOUN = "(?!(?:is|as|was|has|this|its|bytes|needs|says)\\b)"
COUNTED = re.compile(
    r"\{(?:count|number|files|packages|models|wheels|days|total|free|usable)\} "
    r"(?:(?!of|in|at|the|is|are|has|by|must)[a-z]+ ){0,3}?" + NO_NOUN + r"[a-z]{2,}s\b"
)
NEVER_ONE = (
    "{status} of {run} of {total} checks",
    "declares {bytes} bytes in {files} files, but its release has {more} bytes in {count}",
    "Too many products in {path}: {count}.",
    "{folder}: of {count} volumes, these are missing: {names}.",
    "only the first {count} files were searched",
    "until: the last day, for example 2026-01-31; at most {days} days from now",
    "must be later than its approval, by at most {days} days",
)


def test_a_number_before_a_noun_has_a_form_for_one(shown):
    """Siblings of "1 wheels": such a text goes through ``plural``, unless the number is never one."""
    assert COUNTED.search("{count} wheels")
    assert COUNTED.search("{count} known vulnerabilities")
    single = [message.id for message in shown if isinstance(message.id, str)]
    assert [text for text in single if COUNTED.search(text) and text not in NEVER_ONE] == []


def test_forms_for_one_and_for_many_differ(shown):
    pairs = [message.id for message in shown if not isinstance(message.id, str)]
    assert len(pairs) > 50
    assert [pair for pair in pairs if pair[0] == pair[1]] == []


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


def test_no_korean_text_shows_both_forms_of_a_particle():
    """Which fits hangs on what is filled in: a text is worded so that none follows a placeholder."""
    texts_shown = [text for message in read(LOCALES / "ko/LC_MESSAGES/ragtrace.po") for text in forms(message.string)]
    assert PARTICLES.search("{path}을(를)")
    assert [text for text in texts_shown if PARTICLES.search(text)] == []


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.parent.parent.name)
def test_no_translation_is_left_over(path, shown):
    wanted = {message.id for message in shown}
    assert not [message.id for message in read(path) if message.id and message.id not in wanted]

"""Words that docs/glossary.md replaced stay away from messages, documents, docstrings and comments."""

import ast
import io
import re
import tokenize
from pathlib import Path

import pytest

from builder.zipapp.catalogues import read
from tools.catalogues import LOCALES, extract

ROOT = Path(__file__).resolve().parent.parent
SHIPPED = ("bundle", "fleet", "shared", "installer", "validator", "recovery", "bootstrap", "builder")
DOCUMENTS = sorted(
    path
    for like in ("docs/*.md", "*.md", ".github/**/*.md", "builder/bundle_files/*.md", "builder/slip_files/*.*")
    for path in ROOT.glob(like)
)

# what was written before → the word of the glossary; ordinary uses of the same letters are left out of each pattern
ENGLISH = {
    r"look(?:s|ed|ing)? (?:at|into|over|through|again)": "check, inspect, scan, read",
    r"(?:an?|the|each|first|last|second) looks?": "a check, a scan",
    r"kept(?! (?:busy|from|open))": "stored, retained",
    r"papers": "signed metadata",
    r"at hand": "available",
    r"(?<!on\s)demand(?:s|ed|ing)?": "require",
    r"told(?! (?:apart|to|you))|tell whether|tells(?! (?:apart|you))": "reported; returns, reports, shows",
    r"former": "previous",
    r"tak(?:e|es|en|ing) over|took over": "adopt, reuse",
    r"(?:lay|lays|laid|laying)(?! out)": "write, stage",
    r"(?:brings?|brought|bringing)(?! (?:\w+ ){0,3}up\b)": "provide, transfer, add",
    r"carr(?:y|ies|ied|ying)(?! (?:on|out))": "embed, contain",
    r"vouch(?:es|ed)?": "authenticate; a trusted signature",
    r"strangers?(?:'s)?": "an untrusted key; unknown files; other users",
    r"(?:not|is|are|puts?) (?:them |it )?in order(?! to)": "valid, repairs",
    r"stands? twice": "duplicate",
    r"twice is as good as once": "idempotent",
    r"mend(?:s|ed|ing)?": "fix, repair",
    r"copied at rest": "copied while the application is stopped",
    r"own check": "custom check",
    r"licences?|licenced": "license",
    r"(?:by|in) another way than the medium": "out of band",
    r"(?:ends?|ended|ending) with [0-9]+(?! s\b)": "exits with code N",
    r"releases? (?:is|are|was) accepted": "activated",
    r"(?:settings|messages?) of uv": "uv's settings, a uv message",
    r"(?:is|are) no (?:lockfiles?|options?|commands?|refusal)": "is not a",
}
KOREAN = {
    "순서가 맞지": "유효하지 않습니다",
    "영수증": "설치 기록",
    "데이터를 옮": "변환(마이그레이션)",
    "권고의 나이": "취약점 정보 경과 일수",
    "봉인된 그대로": "설치 시점과 일치",
    "주장된": "서명자 기재(미검증)",
    "시험 삼아": "동작 확인 시",
    "넘겨받": "재사용",
    "인스톨러": "설치 프로그램",
    "메트릭": "지표",
    "프리픽스": "설치 경로",
    "릴리즈": "릴리스",
    "세요": "하십시오",
    r"알려 ?[줍주]": "표시합니다, 출력합니다, 기록합니다",
    r"알립니다": "표시합니다, 출력합니다, 기록합니다",
    r"보여 ?[줍주]": "표시합니다",
    "런처": "실행 명령",
    "다이제스트": "해시값",
    "임포트": "import",
    "비밀값": "비밀 정보",
    "연결된 빌더": "인터넷에 연결된 컴퓨터",
    "아카이브를 [푸푼]": "아카이브의 압축을 풀다",
    r"[0-9}]행(?!렬)": "번째 줄",
}
# replaced after sentences of the changelog had been written with them
LATER = {
    r"tr(?:y|ies|ied|ying)(?: it| them| \w+ \w+)? out": "test",
    r"(?:go|goes|going) on counting": "still applies",
    r"repairs? in part": "a partial repair",
    r"(?:as|than) (?:it was )?at the installation": "as it was installed",
}
OLD_ENGLISH = re.compile(rf"\b(?:{'|'.join(ENGLISH)})\b".replace(" ", r"\s+"), re.IGNORECASE)
OLD_KOREAN = re.compile("|".join(KOREAN))
OLD_LATER = re.compile(rf"\b(?:{'|'.join(LATER)})\b".replace(" ", r"\s+"), re.IGNORECASE)
# names of code, files and formats are no prose: what is in backticks, link targets, placeholders, options
CODE = re.compile(r"``[^`]*``|`[^`]*`|\]\([^)]*\)|\{[^{}]*\}|--[a-z-]+")
# installers recognize each version of it by its bytes, comments included
FROZEN = "shared/programs/app_launcher.py"


def found(text, patterns=(OLD_ENGLISH, OLD_KOREAN, OLD_LATER)):
    """Return line and word for each replaced word in a text."""
    prose = CODE.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), text)
    return [
        (prose.count("\n", 0, match.start()) + 1, " ".join(match.group().split()))
        for pattern in patterns
        for match in pattern.finditer(prose)
    ]


def prose(path):
    """Yield first line and text of each docstring and comment of a module."""
    source = path.read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and (
            text := ast.get_docstring(node)
        ):
            yield node.body[0].lineno, text
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def unreleased(text):
    """Return a changelog up to its last version: the rest is history."""
    return "\n## ".join(text.split("\n## ")[:2])


@pytest.mark.parametrize(
    "text",
    [
        "a backup is kept",
        "looks at every file",
        "it was told by validate",
        "Tell whether it is there",
        "the former release",
        "files that are laid beside them",
        "what the bundle brings",
        "a stranger's key",
        "the policy is not in order",
        "recover mends it",
        "the licences",
        "the command ends with 4",
        "before a release is accepted",
        "the file is no lockfile",
        "tries a release out",
        "an advisory goes on counting",
        "설치 영수증이 없습니다",
        "다시 빌드하세요",
        "소유자를 알려 줍니다",
    ],
)
def test_a_replaced_word_is_found(text):
    assert found(text)


@pytest.mark.parametrize(
    "text",
    [
        "looks for the key",
        "in order to install",
        "volumes are read in order",
        "git is told to ignore it",
        "the layout is laid out",
        "bring the loopback interface up",
        "`ragtrace.former` and `--former`",
        "on demand",
        "licenses",
        "a path that ends with a slash",
        "알려진 취약점",
        "다른 위치로 옮기십시오",
    ],
)
def test_ordinary_words_are_no_false_alarm(text):
    assert not found(text)


def test_messages_use_the_words_of_the_glossary():
    wrong = [
        text
        for message in (*extract(), *read(LOCALES / "ko/LC_MESSAGES/ragtrace.po"))
        for form in (message.id, message.string)
        for text in ((form,) if isinstance(form, str) else form or ())
        if found(text)
    ]
    assert wrong == []


# what is typed, with what follows it, stands in backticks; the name of one command alone does not (run recover)
TYPED = re.compile(
    r"(?<![A-Za-z0-9_-])(?:git (?:add|fetch|lfs|restore|submodule)|uv (?:add|build|lock|python list|workspace list)"
    r"|(?:cp|ls|ulimit) -|(?:chmod|chown|mkdir|mknod|sudo|ip link|ssh-add) |chattr -|ssh-keygen -"
    r"|advisories (?:except|fetch|import|sign|template|update)\b|audit-log (?:export|verify)|backup (?:list|restore)"
    r"|policy show|profile init|trust (?:accept-memory|update)"
    r"|(?:build|index|install|recover|rollback|uninstall|upgrade|validate) --)"
)


def bare(text):
    """Return the commands of a message that stand outside of backticks."""
    return TYPED.findall(re.sub(r"`[^`]*`", "", text))


@pytest.mark.parametrize("text", ["Run 'git add'.", "see backup list", "Then run recover --bundle FOLDER.", "(ls -l)"])
def test_a_command_without_backticks_is_found(text):
    assert bare(text)


def test_commands_in_messages_stand_in_backticks():
    wrong = [
        form
        for message in read(LOCALES / "ko/LC_MESSAGES/ragtrace.po")
        for side in (message.id, message.string)
        for form in ((side,) if isinstance(side, str) else side or ())
        if bare(form)
    ]
    assert wrong == []


def helps(path):
    """Yield the help texts of options and commands in a module."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.keyword) and node.arg in ("help", "description"):
            yield from messages(node.value)


@pytest.mark.parametrize("part", ["bootstrap", "builder"])
def test_korean_help_texts_are_sentences(part):
    catalogue = read(LOCALES / "ko/LC_MESSAGES/ragtrace.po")
    korean = {text: catalogue.get(text).string for path in (ROOT / part).rglob("*.py") for text in helps(path)}
    assert korean
    assert [(text, ko) for text, ko in korean.items() if "니다" not in ko] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_documents_use_the_words_of_the_glossary(path):
    text = path.read_text(encoding="utf-8")
    if path.name == "CHANGELOG.md":
        assert found(unreleased(text), (OLD_ENGLISH, OLD_KOREAN)) == []
    else:
        assert found(text) == []


@pytest.mark.parametrize("part", SHIPPED)
def test_docstrings_and_comments_use_the_words_of_the_glossary(part):
    assert [
        (path.relative_to(ROOT).as_posix(), first + line - 1, word)
        for path in sorted((ROOT / part).rglob("*.py"))
        if path != ROOT / FROZEN
        for first, text in prose(path)
        for line, word in found(text)
    ] == []


# what may stand first in advice, which is printed after "next:": the step, before any reason for it
STEPS = re.compile(
    r"(?:Add|Allow|Ask|Build|Change|Check|Choose|Commit|Compare|Copy|Correct|Create|Do|Enter|"
    r"Exclude|Fetch|Find|Fix|Free|Give|Inspect|Install|Lock|Make|Move|Omit|Provide|Prune|Put|"
    r"Recreate|Remove|Rename|Repair|Replace|Request|Restore|Restrict|Roll|Run|See|Send|Set|Sign|"
    r"Specify|Start|Stop|Store|Supply|Then|Transfer|Trust|Type|Unmount|Unset|Upgrade|Use|Wait|Widen|"
    r"Write)\b"
)


def messages(node):
    """Yield the literal messages that an expression may evaluate to, with or without placeholders."""
    if isinstance(node, ast.IfExp):
        yield from (*messages(node.body), *messages(node.orelse))
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "format":
        yield from messages(node.func.value)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("_", "plural"):
        yield from (text.value for text in node.args[:2] if isinstance(text, ast.Constant))


def advice(path):
    """Yield line and text of each message of a module that is passed as advice or as a suggestion."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.keyword) and node.arg in ("advice", "suggestion"):
            yield from ((node.value.lineno, text) for text in messages(node.value))


@pytest.mark.parametrize("part", SHIPPED)
def test_advice_begins_with_what_to_do(part):
    assert [
        (path.relative_to(ROOT).as_posix(), line, text)
        for path in sorted((ROOT / part).rglob("*.py"))
        for line, text in advice(path)
        if not STEPS.match(text) and not text.startswith("{")
    ] == []

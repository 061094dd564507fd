import copy

import pytest

from bootstrap.bundle.application import (
    PROGRAM_LIMIT,
    Application,
    Container,
    Dashboard,
    Environment,
    Launcher,
    ModelApart,
)
from bootstrap.errors import TrustError

FULL = Application(
    launchers=(
        Launcher("demo", "script", "tools/cli.py"),
        Launcher("demo-web", "module", "streamlit", ("run", "app.py"), cwd="app"),
        Launcher("demo_entry", "entry", "demo.cli:app.main"),
        Launcher("ask", "program", "probes/ask.py", cwd="data", program="import demo\nprint('질문')\n"),
    ),
    environment=Environment(
        template={"API_KEY": "placeholder", "OPTIONAL": ""},
        required=("API_KEY",),
        values={"MODEL": "{models}/tiny", "URL": "sqlite:///{data}/db.sqlite", "PLAIN": "1"},
    ),
    core_imports=("numpy",),
    import_paths=(".", "src"),
    persist=("data", "exports"),
    smoke=(("demo", "--help"), ("demo", "")),
    dashboard=Dashboard(("demo-web", "--port={port}"), {"DEMO_PORT": "{port}"}, "/health"),
    thresholds={"import_seconds": 20.0, "matrix_gflops": 0.0},
    offline_commands=(("ask", "x"),),
    container=Container("demo.parts:container.inner"),
    models_apart=(ModelApart("bge", "hf:some/bge@main"),),
)


def test_round_trip():
    assert Application.from_json(FULL.to_json(), "app") == FULL
    least = Application(launchers=())
    assert Application.from_json(least.to_json(), "app") == least


def refusal(*path_and_value):
    value = copy.deepcopy(FULL.to_json())
    *path, last, new = path_and_value
    inner = value
    for step in path:
        inner = inner[step]
    inner[last] = new
    with pytest.raises(TrustError) as caught:
        Application.from_json(value, "app")
    return caught.value.what


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (("extra", 1), "app.extra: unknown key"),
        (("launchers", 0, "extra", 1), "app.launchers[0].extra: unknown key"),
        (("launchers", 0, "program", "x"), "app.launchers[0].target: not what a launcher of kind script"),
        (("launchers", 3, "program", ""), "app.launchers[3].target: not what a launcher of kind program"),
        (("launchers", 3, "program", "x" * (PROGRAM_LIMIT + 1)), "app.launchers[3].program: not a program of at most"),
        (("launchers", 3, "program", "a\x1b[0mb"), "app.launchers[3].program: holds a control character"),
        (("launchers", 3, "target", "../ask.py"), "app.launchers[3].target: not what"),
        (("offline_commands", 0, ["nobody"]), "app.offline_commands[0]: nobody is not a launcher"),
        (("container", {"object": "demo.parts"}), "app.container.object: not of the form"),
        (("models_apart", 0, "name", "a/b"), "app.models_apart[0].name: not of the form"),
        (("launchers", 0, "name", "../demo"), "app.launchers[0].name: not a name for a command"),
        (("launchers", 0, "name", "-demo"), "app.launchers[0].name: not a name for a command"),
        (("launchers", 0, "name", "d" * 65), "app.launchers[0].name: not a name for a command"),
        (("launchers", 0, "name", "con"), "app.launchers[0].name: not a name for a command"),
        (("launchers", 0, "name", "demo."), "app.launchers[0].name: not a name for a command"),
        (("launchers", 0, "name", "DEMO-WEB"), "app.launchers: two have the same name"),
        (("launchers", 0, "kind", "shell"), "app.launchers[0].kind: not one of"),
        (("launchers", 0, "cwd", "/"), "app.launchers[0].cwd: not one of"),
        (("launchers", 0, "target", "../cli.py"), "app.launchers[0].target: not what"),
        (("launchers", 0, "target", "/bin/sh"), "app.launchers[0].target: not what"),
        (("launchers", 1, "target", "-c"), "app.launchers[1].target: not what"),
        (("launchers", 1, "target", "a.b:c"), "app.launchers[1].target: not what"),
        (("launchers", 1, "target", "a b"), "app.launchers[1].target: not what"),
        (("launchers", 2, "target", "demo.cli"), "app.launchers[2].target: not what"),
        (("launchers", 2, "target", "demo.cli:"), "app.launchers[2].target: not what"),
        (("launchers", 2, "target", "demo.cli:f()"), "app.launchers[2].target: not what"),
        (("launchers", 2, "arguments", "run"), "app.launchers[2].arguments: not a list"),
        (("environment", "extra", 1), "app.environment.extra: unknown key"),
        (("environment", "template", {"A B": ""}), "app.environment: 'A B' is not a name for a variable"),
        (("environment", "values", {"A=B": ""}), "app.environment: 'A=B' is not a name for a variable"),
        (("environment", "required", ["OTHER"]), "app.environment.required: OTHER is not in the template"),
        (("environment", "values", {"A": "{home}"}), "app.environment.values.A: {home} is not a place"),
        (("environment", "values", {"A": "{}"}), "app.environment.values.A: {} is not a place"),
        (("import_paths", ["../src"]), "app.import_paths[0]: "),
        (("import_paths", [""]), "app.import_paths[0]: empty"),
        (("persist", ["."]), "app.persist: . holds"),
        (("persist", ["data/../.."]), "app.persist[0]: "),
        (("persist", ["data", "data/db"]), "app.persist: data/db holds, or lies in"),
        (("persist", ["data/db", "data"]), "app.persist: data/db holds, or lies in"),
        (("persist", ["data", "data"]), "app.persist: a folder stands twice"),
        (("persist", ["data", "Data"]), "app.persist: a folder stands twice"),
        (("smoke", [[]]), "app.smoke[0]: not a command"),
        (("smoke", ["demo"]), "app.smoke[0]: not a command"),
        (("smoke", [["demo", "x"] * 51]), "app.smoke[0]: not a command"),
        (("smoke", [["", "x"]]), "app.smoke[0][0]: empty"),
        (("smoke", [["demo", 1]]), "app.smoke[0][1]: not a text"),
        (("smoke", [["sh", "-c"]]), "app.smoke[0]: sh is not a launcher"),
        (("dashboard", "command", ["sh", "{port}"]), "app.dashboard.command: sh is not a launcher"),
        (("dashboard", "command", []), "app.dashboard.command: not a command"),
        (("dashboard", {"command": ["demo"], "environment": {}, "path": "/"}), "app.dashboard: {port} stands neither"),
        (("dashboard", "environment", {"A B": ""}), "app.dashboard.environment: 'A B' is not a name"),
        (("dashboard", "path", "health"), "app.dashboard.path: not of the form"),
        (("dashboard", "path", "/a b\r\nHost: x"), "app.dashboard.path: holds a control"),
        (("thresholds", {"speed": 1}), "app.thresholds.speed: not one of"),
        (("thresholds", {"import_seconds": -1}), "app.thresholds.import_seconds: less than 0"),
        (("thresholds", {"import_seconds": "fast"}), "app.thresholds.import_seconds: not a number"),
        (("thresholds", []), "app.thresholds: not an object"),
    ],
)
def test_refusals_name_their_path(change, what):
    assert refusal(*change).startswith(what)


def test_folders_with_a_common_beginning_are_apart():
    value = FULL.to_json()
    value["persist"] = ["data", "data2", "database/x"]
    assert Application.from_json(value, "app").persist == ("data", "data2", "database/x")


def test_only_commands_are_in_the_prefix():
    assert FULL.commands == ("demo", "demo-web", "demo_entry")


def test_what_came_later_is_left_out_where_it_says_nothing():
    written = Application(launchers=(Launcher("a", "script", "a.py"),)).to_json()
    assert not {"offline_commands", "container", "models_apart"} & set(written)
    assert "program" not in written["launchers"][0]

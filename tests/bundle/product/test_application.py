import copy
from dataclasses import replace

import pytest

from bundle.product.application import (
    PROGRAM_LIMIT,
    Application,
    Container,
    Dashboard,
    Launcher,
    ModelApart,
    require_names,
)
from bundle.product.environment import Environment
from shared.errors import TrustError

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
        also=("DEVICE",),
        defaults={"LEVEL": "low", "CACHE": "{data}/cache"},
    ),
    core_imports=("numpy",),
    import_paths=(".", "src"),
    persist=("data", "exports"),
    smoke=(("demo", "--help"), ("demo", "")),
    dashboard=Dashboard(("demo-web", "--port={port}"), {"DEMO_PORT": "{port}"}, "/health"),
    thresholds={"import_seconds": 20.0, "matrix_gflops": 0.0},
    offline_commands=(("ask", "x"),),
    container=Container("demo.parts:container.inner", ("ask", "parts")),
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
        (("launchers", 0, "program", "x"), "app.launchers[0].target: not a valid target for a launcher of kind script"),
        (("launchers", 3, "program", ""), "app.launchers[3].target: not a valid target for a launcher of kind program"),
        (("launchers", 3, "program", "x" * (PROGRAM_LIMIT + 1)), "app.launchers[3].program: not a program of at most"),
        (("launchers", 3, "program", "a\x1b[0mb"), "app.launchers[3].program: contains a control character"),
        (("launchers", 3, "target", "../ask.py"), "app.launchers[3].target: not a valid target"),
        (("offline_commands", 0, ["nobody"]), "app.offline_commands[0]: nobody is not a launcher"),
        (("container", {"object": "demo.parts"}), "app.container.object: not of the form"),
        (("container", "command", ["nobody"]), "app.container.command: nobody is not a launcher"),
        (("container", "command", []), "app.container.command: not a command"),
        (("models_apart", 0, "name", "a/b"), "app.models_apart[0].name: letters, digits"),
        (("launchers", 0, "name", "../demo"), "app.launchers[0].name: not a valid command name"),
        (("launchers", 0, "name", "-demo"), "app.launchers[0].name: not a valid command name"),
        (("launchers", 0, "name", "d" * 65), "app.launchers[0].name: not a valid command name"),
        (("launchers", 0, "name", "con"), "app.launchers[0].name: con is a reserved name on Windows"),
        (("launchers", 0, "name", "demo."), "app.launchers[0].name: a part begins or ends"),
        (("launchers", 0, "name", "demo-web"), "app.launchers: duplicate name"),
        (("launchers", 0, "kind", "shell"), "app.launchers[0].kind: not one of"),
        (("launchers", 0, "cwd", "/"), "app.launchers[0].cwd: not one of"),
        (("launchers", 0, "target", "../cli.py"), "app.launchers[0].target: not a valid target"),
        (("launchers", 0, "target", "/bin/sh"), "app.launchers[0].target: not a valid target"),
        (("launchers", 1, "target", "-c"), "app.launchers[1].target: not a valid target"),
        (("launchers", 1, "target", "a.b:c"), "app.launchers[1].target: not a valid target"),
        (("launchers", 1, "target", "a b"), "app.launchers[1].target: not a valid target"),
        (("launchers", 2, "target", "demo.cli"), "app.launchers[2].target: not a valid target"),
        (("launchers", 2, "target", "demo.cli:"), "app.launchers[2].target: not a valid target"),
        (("launchers", 2, "target", "demo.cli:f()"), "app.launchers[2].target: not a valid target"),
        (("launchers", 2, "arguments", "run"), "app.launchers[2].arguments: not a list"),
        (("environment", "extra", 1), "app.environment.extra: unknown key"),
        (("environment", "template", {"A B": ""}), "app.environment: 'A B' is not a valid variable name"),
        (("environment", "values", {"A=B": ""}), "app.environment: 'A=B' is not a valid variable name"),
        (
            ("environment", "required", ["OTHER"]),
            "app.environment.required: OTHER is neither in the template nor in also",
        ),
        (("environment", "values", {"A": "{home}"}), "app.environment.values.A: {home} is not a known placeholder"),
        (("environment", "values", {"A": "{}"}), "app.environment.values.A: {} is not a known placeholder"),
        (("environment", "defaults", {"A": "{home}"}), "app.environment.defaults.A: {home} is not a known placeholder"),
        (("environment", "defaults", {"A B": ""}), "app.environment: 'A B' is not a valid variable name"),
        (("environment", "also", ["A-B"]), "app.environment: 'A-B' is not a valid variable name"),
        (("environment", "also", "DEVICE"), "app.environment.also: not a list"),
        (("environment", "also", ["MODEL"]), "app.environment.also: MODEL has a fixed value"),
        (("environment", "defaults", {"PLAIN": "0"}), "app.environment.defaults: PLAIN has a fixed value"),
        (("import_paths", ["../src"]), "app.import_paths[0]: "),
        (("import_paths", [""]), "app.import_paths[0]: empty"),
        (("persist", ["."]), "app.persist: . is the whole source"),
        (("persist", ["data/../.."]), "app.persist[0]: "),
        (("persist", ["data", "data/db"]), "app.persist: data/db is the whole source, or inside"),
        (("persist", ["data/db", "data"]), "app.persist: data/db is the whole source, or inside"),
        (("persist", ["data", "data"]), "app.persist: duplicate folder"),
        (("persist", ["data", "Data"]), "app.persist: duplicate folder"),
        (("smoke", [[]]), "app.smoke[0]: not a command"),
        (("smoke", ["demo"]), "app.smoke[0]: not a command"),
        (("smoke", [["demo", "x"] * 51]), "app.smoke[0]: not a command"),
        (("smoke", [["", "x"]]), "app.smoke[0][0]: empty"),
        (("smoke", [["demo", 1]]), "app.smoke[0][1]: not a string"),
        (("smoke", [["sh", "-c"]]), "app.smoke[0]: sh is not a launcher"),
        (("dashboard", "command", ["sh", "{port}"]), "app.dashboard.command: sh is not a launcher"),
        (("dashboard", "command", []), "app.dashboard.command: not a command"),
        (("dashboard", {"command": ["demo"], "environment": {}, "path": "/"}), "app.dashboard: {port} is neither"),
        (("dashboard", "environment", {"A B": ""}), "app.dashboard.environment: 'A B' is not a valid variable name"),
        (("dashboard", "path", "health"), "app.dashboard.path: not a page path"),
        (("dashboard", "path", "/a b\r\nHost: x"), "app.dashboard.path: contains a control"),
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


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        (
            {"launchers": (FULL.launchers[0], Launcher("Time", "script", "a.py"))},
            "app.launchers[1].name: Time is a shell builtin",
        ),
        (
            {"launchers": (Launcher("ragtrace-offline", "script", "a.py"),)},
            "app.launchers[0].name: ragtrace-offline is reserved",
        ),
        ({"launchers": (*FULL.launchers, Launcher("DEMO", "script", "a.py"))}, "app.launchers[4].name: on a host that"),
        ({"environment": Environment({"RAGTRACE_PREFIX": ""})}, "app.environment.template.RAGTRACE_PREFIX: a variable"),
        ({"environment": Environment(values={"Path": "/x"})}, "app.environment.values.Path: a variable that the"),
        ({"environment": Environment(values={"PYTHONPATH": "x"})}, "app.environment.values.PYTHONPATH: a variable"),
        ({"environment": Environment(also=("PYTHONPATH",))}, "app.environment.also.PYTHONPATH: a variable that"),
        ({"environment": Environment(defaults={"PATH": "/x"})}, "app.environment.defaults.PATH: a variable that"),
        ({"persist": ("data", "exports/.ragtrace-x")}, "app.persist[1]: names that begin with .ragtrace-"),
    ],
)
def test_names_by_which_something_of_ours_would_win(changes, what):
    application = replace(FULL, smoke=(), dashboard=None, offline_commands=(), container=None, **changes)
    with pytest.raises(TrustError) as caught:
        require_names(application, "app")
    assert caught.value.what.startswith(what)
    # releases that are installed were taken by the rules of their day, and stay readable
    assert Application.from_json(application.to_json(), "app") == application


def test_settings_that_the_launchers_leave_alone():
    require_names(replace(FULL, environment=Environment({"PYTHONPATH": "", "RAGTRACE_LOG_LEVEL": ""})), "app")

"""What the design says of the code's shape."""

import ast
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path

import lcagent
from lcagent import errors
from lcagent.graphs import STRATEGIES
from tests.helpers import ROOT

ORDER = [
    "documents",
    "models",
    "memory",
    "work",
    "agents",
    "graphs",
    "runs",
    "many",
    "reader",
    "session_memory",
    "chat",
    "evals",
    "cli",
    "integrations",
    "server",
]
"""Each may use those before it, but for `models`, which knows no documents, and the last three, of which only
`cli` knows `server`."""
LEAVES = {"answer", "errors", "events", "local_file", "place", "private", "settings", "text"}
"""Single files that every room may use."""
MAY_NOT = {room: set(ORDER[at + 1 :]) for at, room in enumerate(ORDER)}
MAY_NOT["models"].add("documents")
MAY_NOT["integrations"] = {"cli", "evals"}
MAY_NOT["server"] = {"cli", "evals", "integrations"}
MAY_NOT["cli"] = {"integrations"}


@cache
def nodes(path: Path) -> list[ast.AST]:
    """Everything of a file's tree."""
    return list(ast.walk(ast.parse(path.read_text())))


def imported(among: Iterable[ast.AST]) -> set[str]:
    names: set[str] = set()
    for node in among:
        if isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return names


def test_imports_run_one_way() -> None:
    seen = 0
    for room in ORDER:
        files = [*(ROOT / "lcagent" / room).rglob("*.py"), ROOT / "lcagent" / f"{room}.py"]
        for file in filter(Path.is_file, files):
            for name in imported(nodes(file)):
                parts = name.split(".")
                if parts[0] == "lcagent" and len(parts) > 1:
                    seen += 1
                    assert parts[1] in {*ORDER, *LEAVES}, f"{file} imports {name}"
                    assert parts[1] not in MAY_NOT[room], f"{file} imports {name}"
    assert seen > 50


def test_a_package_whose_modules_import_each_other_is_not_first_imported_by_two_threads() -> None:
    """Two threads that import parts of it at once may find one of them half made: an ImportError in a run."""
    for file in (ROOT / "lcagent").rglob("*.py"):
        for function in nodes(file):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                inside = imported(ast.walk(function))
                assert not [name for name in inside if name.partition(".")[0] == "rapidfuzz"], file


def brought(requirements: list[str], seen: set[str]) -> set[str]:
    """The distributions that these requirements install, with all that those require in turn."""
    for requirement in requirements:
        name, marker = re.split(r"[^\w.-]", requirement, maxsplit=1)[0], requirement.partition(";")[2]
        if (name := name.lower().replace("_", "-")) not in seen and "extra" not in marker:
            seen.add(name)
            with suppress(PackageNotFoundError):
                brought(requires(name) or [], seen)
    return seen


def test_what_is_imported_is_declared() -> None:
    """A package that some environment happens to hold is missing in a clean one."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    shipped = [
        *project["dependencies"],
        *extras["providers"],
        *extras["local"],
        *extras["bench"],
        *extras["embed"],
        *extras["langchain"],
        *extras["xlsx"],
        *extras["parquet"],
        *extras["ocr"],
        *extras["server"],
        *extras["postgres"],
    ]
    ours = {"lcagent", "tests", "benchmarks", "scripts"}
    by_module = packages_distributions()
    for folder in sorted(ours - {"scripts"}):
        declared = brought(shipped if folder == "lcagent" else [*shipped, *extras["dev"]], {"lcagent"})
        for file in (ROOT / folder).rglob("*.py"):
            modules = {name.partition(".")[0] for name in imported(nodes(file))}
            for module in modules - sys.stdlib_module_names - ours:
                sources = {name.lower().replace("_", "-") for name in by_module.get(module, [module])}
                assert sources & declared, f"{file.relative_to(ROOT)} imports {module}: {sources}"


PRINTERS = {
    "cli/terminal.py": {"stdout", "stderr"},
    "cli/safe_console.py": {"rich.console"},
    "cli/main.py": {"stderr"},  # asked whether it is a terminal
    "cli/chat_typing.py": {"input"},  # the prompt, which is code's own
    "models/serving/embedded.py": {"print"},  # a server in a process of its own, into a log
}
"""Who may write to a terminal by what: everything else goes through `lcagent.cli.terminal`."""
CALLS = {"print", "input", "echo", "secho", "print_exc", "StreamHandler", "basicConfig"}


def ways_to_a_terminal(file: Path) -> Iterator[str]:
    """What of a module writes to a terminal by itself."""
    branches = [node for node in nodes(file) if isinstance(node, ast.If)]
    typing = [ast.walk(node) for node in branches if ast.unparse(node.test) == "TYPE_CHECKING"]
    passed = {id(node) for within in typing for node in within}
    for node in nodes(file):
        if id(node) in passed:
            continue
        if isinstance(node, ast.ImportFrom) and node.module in {"rich", "rich.console"}:
            if {"Console", "print", "get_console"} & {alias.name for alias in node.names}:
                yield "rich.console"
        elif isinstance(node, ast.Call):
            does = ast.unparse(node.func)
            method = isinstance(node.func, ast.Attribute) and does.endswith(".print")  # of a safe console
            if does.rpartition(".")[2] in CALLS and not method:
                yield does.rpartition(".")[2]
            if does == "TextColumn" and "markup=False" not in ast.unparse(node):
                yield "markup"
        elif isinstance(node, ast.Attribute) and ast.unparse(node) in {"sys.stdout", "sys.stderr"}:
            yield node.attr


def test_nothing_is_printed_but_through_the_one_function_that_escapes() -> None:
    """What documents, names, models and servers say would else steer the terminal."""
    seen = 0
    for file in sorted((ROOT / "lcagent").rglob("*.py")):
        name = file.relative_to(ROOT / "lcagent").as_posix()
        ways = set(ways_to_a_terminal(file))
        seen += len(ways)
        assert ways <= PRINTERS.get(name, set()), name
    assert seen > 4


def functions() -> Iterator[tuple[Path, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for file in sorted((ROOT / "lcagent").rglob("*.py")):
        for node in nodes(file):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield file.relative_to(ROOT), node


def is_command(file: Path, function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether typer makes a command of it: its parameters are the command's options."""
    if file.parts[1] != "cli":
        return False
    annotations = ast.unparse(function.args)
    return "Option" in annotations or "Argument" in annotations


def test_no_function_is_long_or_takes_many_things() -> None:
    too_long, too_many = [], []
    for file, function in functions():
        if is_command(file, function):
            continue
        if function.end_lineno and function.end_lineno - function.lineno >= 60:
            too_long.append(f"{file}: {function.name}")
        given = function.args
        named = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
        if len([one for one in named if one and one.arg not in {"self", "cls"}]) > 7:
            too_many.append(f"{file}: {function.name}")
    assert (too_long, too_many) == ([], [])


def test_words_that_say_nothing_to_others_are_gone() -> None:
    for file in (ROOT / "lcagent").rglob("*"):
        if file.suffix in {".py", ".md", ".toml"}:
            text = file.read_text().casefold()
            assert not [word for word in ("witness", "doubted", "wavers") if word in text], file


def test_the_registry_alone_names_all_strategies() -> None:
    """A new one is one line there: no list of strategies, or of their nodes, is kept anywhere else."""
    most = 2  # a default, an example
    every_node = {node for name in STRATEGIES for node in nodes_of(name)}
    for file in (ROOT / "lcagent").rglob("*.py"):
        if file == ROOT / "lcagent" / "graphs" / "__init__.py":
            continue
        texts = [n.value for n in nodes(file) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
        kinds = ast.List | ast.Tuple | ast.Set | ast.Dict
        listed = [ast.unparse(n) for n in nodes(file) if isinstance(n, kinds)]
        for text in [*texts, *listed]:
            named = STRATEGIES.keys() & set(re.findall(r"\w+", text))
            assert len(named) <= most, (file, text)
        if "graphs" not in file.parts:
            assert not any(
                len(every_node & set(re.findall(r"['\"](\w+)['\"]", text))) > most for text in listed
            ), file


def nodes_of(name: str) -> set[str]:
    """The names that a strategy's own files give to nodes."""
    module = STRATEGIES[name][0].partition(":")[0]
    source = (ROOT / f"{module.replace('.', '/')}.py").read_text()
    return set(re.findall(r'add_node\(\s*"(\w+)"', source))


def test_public_names_are_few_and_all_there() -> None:
    assert len(lcagent.__all__) < 30
    assert sorted(lcagent.__all__) == lcagent.__all__
    for name in lcagent.__all__:
        assert getattr(lcagent, name) is not None
    code = "import lcagent, sys; print(len([m for m in sys.modules if m.startswith('lcagent')]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) == 1  # importing it imports nothing more


def test_the_drawing_of_the_error_tree_is_whole() -> None:
    assert errors.__doc__ is not None
    for name, value in vars(errors).items():
        if isinstance(value, type) and issubclass(value, Exception):
            assert name in errors.__doc__
            assert value.__doc__ and value.exit_code in {1, 2, 4}


def test_what_is_kept_beside_the_code_can_be_read() -> None:
    """Results, settings and manifests are whole, and nothing is left of a merge."""
    marks = ("<" * 7 + " ", ">" * 7 + " ")
    for file in {ROOT / name for name in tracked() if not name.endswith((".png", ".pdf"))}:
        if file.is_dir() or not file.exists():  # a link to a folder; removed, and not yet committed
            continue
        text = file.read_text("utf-8")
        assert not [line for line in text.splitlines() if line.startswith(marks)], file
        if file.suffix == ".json":
            json.loads(text)
        elif file.suffix == ".jsonl":
            [json.loads(line) for line in text.splitlines()]


def tracked() -> list[str]:
    """Files of the repository; all that lie there where it is no checkout."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return [name for name in done.stdout.split("\0") if name]
    rooms = ("lcagent", "tests", "benchmarks", "docs", "examples", "scripts")
    return [
        str(file) for room in rooms for file in (ROOT / room).rglob("*") if "__pycache__" not in file.parts
    ]


def test_the_links_at_the_top_lead_into_the_package() -> None:
    for room in ("agents", "memory", "graphs"):
        assert (ROOT / room).resolve() == (ROOT / "lcagent" / room).resolve()

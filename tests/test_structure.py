"""What the design says of the code's shape."""

import ast
import subprocess
import sys
from pathlib import Path

import lcagent
from lcagent import errors
from tests.helpers import ROOT

ORDER = ["documents", "models", "memory", "agents", "graphs", "runs", "reader", "evals", "cli"]
"""Each may use those before it, but for `models`, which knows no documents."""
LEAVES = {"answer", "errors", "events", "local_file", "private", "settings", "text"}
"""Single files that every room may use."""
MAY_NOT = {room: set(ORDER[at + 1 :]) for at, room in enumerate(ORDER)}
MAY_NOT["models"].add("documents")


def imports(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
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
            for name in imports(file):
                parts = name.split(".")
                if parts[0] == "lcagent" and len(parts) > 1:
                    seen += 1
                    assert parts[1] in {*ORDER, *LEAVES}, f"{file} imports {name}"
                    assert parts[1] not in MAY_NOT[room], f"{file} imports {name}"
    assert seen > 50


def test_a_package_whose_modules_import_each_other_is_not_first_imported_by_two_threads() -> None:
    """Two threads that import parts of it at once may find one of them half made: an ImportError in a run."""
    for file in (ROOT / "lcagent").rglob("*.py"):
        for function in ast.walk(ast.parse(file.read_text())):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                inside = ast.unparse(function)
                assert "import rapidfuzz" not in inside and "from rapidfuzz" not in inside, file


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


def test_the_links_at_the_top_lead_into_the_package() -> None:
    for room in ("agents", "memory", "graphs"):
        assert (ROOT / room).resolve() == (ROOT / "lcagent" / room).resolve()

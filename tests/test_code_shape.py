"""How the code is laid out: short files and functions, imports without circles, and one file that writes a status."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tests.parts.processes import ROOT

LONGEST_FUNCTION = 32  # lines
LONGEST_FILE = 450
FOLDERS = ("videos", "heygen_studio")
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@cache
def sources() -> dict[Path, str]:
    """The text of each file of ours, by its path. Migrations are left out: nothing imports them."""
    files = [path for folder in FOLDERS for path in (Path(ROOT) / folder).rglob("*.py")]
    return {path.relative_to(ROOT): path.read_text() for path in sorted(files) if "migrations" not in path.parts}


@cache
def modules() -> dict[str, ast.Module]:
    """The parsed code of each module of ours, by its dotted name."""
    return {dotted(path): ast.parse(text) for path, text in sources().items()}


def dotted(path: Path) -> str:
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def imports_of(tree: ast.Module) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= names & modules().keys() or {node.module}
    return found & modules().keys()


def test_no_file_is_longer_than_450_lines():
    lengths = {str(path): text.count("\n") for path, text in sources().items()}
    assert [f"{path}: {lines}" for path, lines in lengths.items() if lines > LONGEST_FILE] == []


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_function_is_longer_than_32_lines(folder):
    long = [
        f"{module}.{node.name}: {node.end_lineno - node.lineno + 1}"
        for module, tree in modules().items()
        for node in ast.walk(tree)
        if module.startswith(folder) and isinstance(node, FUNCTIONS)
        if node.end_lineno - node.lineno >= LONGEST_FUNCTION
    ]
    assert long == []


def test_nothing_is_imported_inside_a_function():
    inside = [
        f"{module}:{node.lineno}"
        for module, tree in modules().items()
        for function in ast.walk(tree)
        if isinstance(function, FUNCTIONS)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert inside == []


def test_there_are_no_circular_imports():
    """Takes away, again and again, the modules that import nothing that is left."""
    left = {module: imports_of(tree) for module, tree in modules().items()}
    while leaves := [module for module, imported in left.items() if not imported & left.keys()]:
        for module in leaves:
            del left[module]
    assert left == {}


def test_a_row_lock_lets_others_refer_to_the_row():
    """A new row that refers to a locked one would wait, and two transactions that each do both would wait for each
    other. Only what deletes rows may lock them so."""
    files = [path for path in (Path(ROOT) / "videos").rglob("*.py") if "migrations" not in path.parts]
    locks = [lock for path in files for lock in re.findall(r"select_for_update\(.*", path.read_text())]
    assert locks
    assert [lock for lock in locks if "no_key=" not in lock] == []


def test_only_one_file_writes_a_status():
    writes = re.compile(r"\.status = |update\([^)]*\bstatus=")
    folder = Path(ROOT) / "videos"
    files = [path for path in folder.rglob("*.py") if not {"migrations", "standin"} & set(path.parts)]
    found = {str(path.relative_to(folder)) for path in files if writes.search(path.read_text())}
    assert found <= {"models/generation.py"}

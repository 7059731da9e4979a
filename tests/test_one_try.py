"""A second try hides a race. Where a race would cost money or a video, no test may have one."""

import ast

from tests.parts.processes import ROOT

ABOUT_MONEY = (
    "budgets",
    "chaos",
    "costs",
    "crash",
    "lifecycle",
    "money",
    "poll",
    "prices",
    "row_locks",
    "save",
    "stored_totals",
    "submit",
    "worker",
)


def names_of_files():
    return {path.name for path in (ROOT / "tests").rglob("test_*.py")}


def reasons():
    """(file, reason) of every test that has three tries."""
    for path in (ROOT / "tests").rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.retried":
                yield path.name, node.args[0].value


def test_every_test_that_has_three_tries_says_why():
    assert all(len(reason.split()) > 5 for _, reason in reasons())


def test_no_test_about_money_or_lost_videos_has_more_than_one_try():
    assert [name for name, _ in reasons() if any(word in name for word in ABOUT_MONEY)] == []


def test_each_word_about_money_names_a_file():
    assert [word for word in ABOUT_MONEY if not any(word in name for name in names_of_files())] == []


def test_no_file_allows_retries_without_a_reason():
    files = [path for path in (ROOT / "tests").rglob("*.py") if "mark.flaky" in path.read_text()]
    assert [path.name for path in files if path.name not in ("conftest.py", "test_one_try.py")] == []

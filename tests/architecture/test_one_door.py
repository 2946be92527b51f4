"""Rules import-linter cannot see: who may commit, who may select, what an `__init__` holds."""

import ast

from tests.architecture.source_tree import (
    PACKAGES,
    calls_named,
    named,
    python_files,
    tree_of,
)


def test_only_the_unit_of_work_commits() -> None:
    """A commit elsewhere would leave the audit entry or the owed effect outside."""
    committing = {
        named(path)
        for path in python_files("telehealth")
        for _call, _function in calls_named(path, "commit")
        if "migrations" not in path.parts
    }

    assert committing <= {"telehealth/platform/db.py"}


def test_every_read_starts_at_visible_to() -> None:
    """Or says `unscoped_` in its name, so that a reviewer stops there."""
    elsewhere = {
        (named(path), function)
        for path in python_files("telehealth")
        for _call, function in calls_named(path, "select")
        if "migrations" not in path.parts
        and not (
            path.name == "repository.py"
            and (function == "visible_to" or function.startswith(("unscoped_", "_unscoped_")))
        )
    }

    assert elsewhere == set()


def test_every_package_file_is_a_docstring_and_nothing_else() -> None:
    speaking = {
        named(path)
        for path in python_files(*PACKAGES)
        if path.name == "__init__.py"
        and not (len(tree_of(path).body) == 1 and ast.get_docstring(tree_of(path)))
    }

    assert speaking == set()


def test_the_wall_clock_has_one_reader() -> None:
    readers = {
        named(path)
        for path in python_files("telehealth")
        for _call, _function in calls_named(path, "utcnow")
    }

    assert readers == set()

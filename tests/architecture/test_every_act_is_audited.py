"""Every act, and every read on somebody's behalf, leads to an entry in the audit trail.

An action takes a unit of work and an actor, `by=`.  From each, calls are followed through our own
modules, by what a module has imported, to `audit.record`.
"""

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Final, TypeAlias

from tests.architecture.source_tree import module_name, named, python_files, tree_of

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
Name: TypeAlias = tuple[str, str]

RECORD: Final = ("telehealth.audit.actions", "record")

SILENT: Final[Mapping[Name, str]] = {
    ("telehealth.identity.actions", "person_cards"): "the caller records what was seen, and why",
    (
        "telehealth.identity.finding",
        "patient_by_number",
    ): "an id alone; opening the record is recorded",
    (
        "telehealth.identity.finding",
        "patient_sought",
    ): "an id alone; opening the record is recorded, and so is a try in vain",
    ("telehealth.scheduling.actions", "book"): "visits.booking.book records the visit, which is it",
    (
        "telehealth.scheduling.actions",
        "cancel",
    ): "visits.calling_off records the visit, which is it",
    ("telehealth.scheduling.actions", "times"): "instants alone; the caller records whose",
    ("telehealth.scheduling.actions", "day"): "instants alone; the caller records whose",
    ("telehealth.visits.actions.sight", "see"): "the caller records which page was shown",
    ("telehealth.visits.actions.sight", "come_answer"): "when one's own visit opens; nothing more",
    ("telehealth.visits.actions.sight", "see_in_states"): "the caller records each list once",
    ("telehealth.visits.actions.sight", "see_of_appointments"): "the caller records each list once",
    ("telehealth.visits.actions.steps", "lock"): "takes a lock; the act that needs it records",
    ("telehealth.delivery.actions", "chart_state"): "one word a visit; the caller records whose",
    ("telehealth.audit.actions", "looks_at_own"): "the privacy page records that it was shown",
    ("telehealth.identity.actions", "birth_dates"): "a job's rule reads them; nobody is shown any",
    ("telehealth.privacy.actions.correcting", "own"): "the privacy page records that it was shown",
    ("telehealth.privacy.actions.sweep", "begin_run"): "a mark; what the run removes is recorded",
    ("telehealth.privacy.actions.sweep", "due"): "counts alone",
    ("telehealth.privacy.actions.sweep", "records_due"): "ids for a job; the removal is recorded",
    ("telehealth.visits.actions.consenting", "require"): "refuses; the act that asks records",
    ("telehealth.visits.actions.consenting", "standing"): "the caller records which page was shown",
    ("telehealth.visits.actions.consenting", "texts_for"): "texts to read; nothing of anybody",
    ("telehealth.audit.readings", "sinks"): "where heads are; nothing of anybody",
}
"""Actions that record nothing themselves, each with its reason."""


@cache
def functions() -> Mapping[Name, Function]:
    """Return every module-level function of the visit service."""
    return {
        (module_name(path), node.name): node
        for path in python_files("telehealth")
        for node in tree_of(path).body
        if isinstance(node, Function)
    }


@cache
def imported(module: str) -> Mapping[str, Name | str]:
    """Return what each name of a module stands for: a module, or a function of one."""
    path = _path_of(module)
    found: dict[str, Name | str] = {}
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                is_module = _exists(whole)
                found[alias.asname or alias.name] = (
                    whole if is_module else (node.module, alias.name)
                )
    return found


def callees(name: Name) -> Iterator[Name]:
    """Yield the functions of ours that a function calls or hands on."""
    module, _ = name
    known = imported(module)
    for node in ast.walk(functions()[name]):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            of = known.get(node.value.id)
            if isinstance(of, str):
                yield of, node.attr
        elif isinstance(node, ast.Name):
            of = known.get(node.id)
            yield of if isinstance(of, tuple) else (module, node.id)


@cache
def reaches_the_trail(name: Name) -> bool:
    """Say whether calls from a function can lead to `audit.record`."""
    seen, todo = {name}, [name]
    while todo:
        for callee in callees(todo.pop()):
            if callee == RECORD:
                return True
            if callee in functions() and callee not in seen:
                seen.add(callee)
                todo.append(callee)
    return False


def actions() -> Iterator[Name]:
    """Yield every function that acts for somebody in a transaction."""
    for name, node in functions().items():
        taken = {argument.arg for argument in [*node.args.args, *node.args.kwonlyargs]}
        keyword_only = {argument.arg for argument in node.args.kwonlyargs}
        is_public = not node.name.startswith("_")
        if is_public and "uow" in taken and "by" in keyword_only and name != RECORD:
            yield name


def test_every_action_leads_to_an_entry_or_says_why_not() -> None:
    silent = {name for name in actions() if not reaches_the_trail(name)}

    assert silent == set(SILENT)


def test_there_are_actions_to_look_at() -> None:
    """A test that found none would pass for ever."""
    assert sum(1 for _ in actions()) > len(SILENT) * 3
    assert reaches_the_trail(("telehealth.waiting_room.actions", "call"))


def test_every_event_is_recorded_somewhere() -> None:
    """One that nothing records would promise what does not happen."""
    used = {
        node.attr
        for path in python_files("telehealth")
        if named(path) != "telehealth/audit/events.py"
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "AuditEvent"
    }
    events = tree_of(_path_of("telehealth.audit.events"))
    (members,) = (
        node.body
        for node in events.body
        if isinstance(node, ast.ClassDef) and node.name == "AuditEvent"
    )

    declared = {
        target.id
        for node in members
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }

    assert declared == used


def _path_of(module: str) -> Path:
    base = Path(__file__).parents[2] / module.replace(".", "/")
    return base.with_suffix(".py") if base.with_suffix(".py").exists() else base / "__init__.py"


def _exists(module: str) -> bool:
    return _path_of(module).exists()

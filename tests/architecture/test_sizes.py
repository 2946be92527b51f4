"""No file over 400 lines, no function over 60: a longer one owns too many verbs."""

import pytest

from tests.architecture.source_tree import functions, named, python_files

MOST_LINES = 400
MOST_FUNCTION_LINES = 60

# Tables and message definitions are exempt: they are read as lists.
EXEMPT_FILES = {"signaling/contract/messages.py", "media/contract/control.py"}
# The packet handler of the media hot path is one function because a call costs a microsecond.
EXEMPT_FUNCTIONS = {("media/shell/forwarder.py", "on_rtp")}


@pytest.mark.parametrize("folder", ["telehealth", "signaling", "media", "tests", "load"], ids=str)
def test_no_file_owns_too_many_verbs(folder: str) -> None:
    lengths = {named(path): len(path.read_text().splitlines()) for path in python_files(folder)}

    too_long = {
        name: lines
        for name, lines in lengths.items()
        if lines > MOST_LINES and name not in EXEMPT_FILES
    }

    assert too_long == {}


@pytest.mark.parametrize("folder", ["telehealth", "signaling", "media", "tests", "load"], ids=str)
def test_no_function_is_too_long_to_read(folder: str) -> None:
    too_long = {
        (named(path), function.name): function.end_lineno - function.lineno + 1
        for path in python_files(folder)
        for function in functions(path)
        if function.end_lineno is not None
        and function.end_lineno - function.lineno + 1 > MOST_FUNCTION_LINES
        and (named(path), function.name) not in EXEMPT_FUNCTIONS
    }

    assert too_long == {}


def test_every_exemption_is_still_needed() -> None:
    long_functions = {
        (named(path), function.name)
        for path in python_files("media")
        for function in functions(path)
        if function.end_lineno is not None
        and function.end_lineno - function.lineno + 1 > MOST_FUNCTION_LINES
    }

    assert long_functions >= EXEMPT_FUNCTIONS

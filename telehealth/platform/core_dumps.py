"""A process that crashes leaves no picture of its memory: keys and opened values lie there."""

import ctypes
import resource
import sys
from typing import Final

_PR_SET_DUMPABLE: Final = 4


def refuse_core_dumps() -> None:
    """Have the kernel write no core of this process, to a file or through a pipe.

    On Linux nobody but root reads this process's memory or environment from outside, either.
    What it starts by `exec` has to ask for itself; the limit of zero bytes is handed down.

    Source:
        setrlimit(2), RLIMIT_CORE; core(5): a handler behind a pipe is given the core whatever that
        limit says, unless prctl(2), PR_SET_DUMPABLE, says no.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)

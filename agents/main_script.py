"""The script that a user runs, which worker processes import only if they need something from it.

Python's `multiprocessing` imports the main script in every process that it starts. So a script
without ``if __name__ == "__main__":`` would run again in each, and one from standard input or a
notebook cannot be imported at all. Workers of this library need what stands in the script only
where they are sent it, as a function or class of the user's own.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import spawn
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from types import ModuleType
from typing import Any

from agents.answers import Sender

NAME, PATH = "init_main_from_name", "init_main_from_path"  # keys of `spawn.prepare`


@dataclass(frozen=True)
class MainScript:
    """Where the main script can be imported from.

    Attributes:
        name: Its module's name, of a script that was run by ``python -m``; else empty.
        path: Its file; empty if it has none, as in a notebook.
    """

    name: str
    path: str

    @staticmethod
    def here() -> MainScript:
        """The script that runs in this process."""
        found = spawn.get_preparation_data("")
        path = found.get(PATH, "")
        return MainScript(found.get(NAME, ""), path if path and Path(path).is_file() else "")

    def dumps(self, thing: Any) -> bytes:
        """Pickle something for `loads` in another process.

        Raises:
            ValueError: If a part of it is defined in a main script that cannot be imported.
        """
        message = bytes(Sender.dumps(thing))
        if _mentions_main(message) and not (self.name or self.path):
            raise ValueError(
                "worker processes cannot import what is defined in a notebook, an interactive "
                "session or a script from standard input; put it into a module, or use workers=1"
            )
        return message

    def loads(self, message: bytes) -> Any:
        """Unpickle a message; the script is imported first if a part of it is defined there."""
        if _mentions_main(message):
            spawn.prepare({NAME: self.name} if self.name else {PATH: self.path})
        return ForkingPickler.loads(message)


@contextmanager
def not_imported() -> Iterator[None]:
    """Processes that are started within do not import the main script."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def _mentions_main(message: bytes) -> bool:
    return b"__main__" in message

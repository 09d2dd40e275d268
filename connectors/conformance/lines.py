"""Which lines of a connector's functions have run: a small count of our own, so that no other tool is needed.

Only functions count: the lines of a module's top run when it is imported. A function costs nothing any more once all of
its lines have been seen.
"""

from __future__ import annotations

import inspect
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import CodeType, FrameType
from typing import Any


class LinesRun:
    """Counts while it is started, in all threads that begin later and in this one."""

    def __init__(self) -> None:
        self._prefixes: tuple[str, ...] = ()
        self._left: dict[CodeType, set[int]] = {}
        self._seen: dict[str, set[int]] = {}
        self._before: Any = None

    def start(self, folders: Sequence[Path]) -> None:
        """Count the lines of all files below `folders`."""
        self._prefixes = tuple(f"{folder}/" for folder in folders)
        self._before = sys.gettrace()
        threading.settrace(self._call)
        sys.settrace(self._call)

    def stop(self) -> None:
        """Count no more."""
        if self._prefixes:
            sys.settrace(self._before)
            threading.settrace(self._before)

    def counted(self, folder: Path) -> tuple[int, int]:
        """Return how many lines of functions below `folder` have run, and how many there are."""
        run = total = 0
        for path in sorted(folder.rglob("*.py")):
            lines = lines_of(path)
            total += len(lines)
            run += len(lines & self._seen.get(str(path), set()))
        return run, total

    def missed(self, folder: Path) -> dict[str, list[int]]:
        """Return the lines that have not run, by file."""
        files = {
            path: sorted(lines_of(path) - self._seen.get(str(path), set())) for path in folder.rglob("*.py")
        }
        return {path.relative_to(folder).as_posix(): lines for path, lines in sorted(files.items()) if lines}

    def _call(self, frame: FrameType, _event: str, _: Any) -> Any:
        code = frame.f_code
        if not code.co_filename.startswith(self._prefixes):
            return None
        left = self._left.get(code)
        if left is None:
            left = self._left[code] = _own_lines(code)
        # Generators and coroutines come back in the middle.
        self._mark(code, frame.f_lineno)
        return self._line if left else None

    def _line(self, frame: FrameType, _event: str, _: Any) -> Any:
        self._mark(frame.f_code, frame.f_lineno)
        return self._line

    def _mark(self, code: CodeType, line: int) -> None:
        self._left[code].discard(line)
        self._seen.setdefault(code.co_filename, set()).add(line)


def lines_of(path: Path) -> set[int]:
    """Return the lines of all functions in a file that can run."""
    module = compile(path.read_text(encoding="utf-8"), str(path), "exec", dont_inherit=True)
    return {line for code in _functions(module) for line in _own_lines(code)}


def _functions(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            if constant.co_flags & inspect.CO_OPTIMIZED:
                yield constant
            yield from _functions(constant)


def _own_lines(code: CodeType) -> set[int]:
    """Return the lines of one function, without the one of its `def`, where no statement stands."""
    return {line for _, _, line in code.co_lines() if line is not None} - {code.co_firstlineno}

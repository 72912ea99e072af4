"""Where in a TOML text each value stands: tomllib reads the values and forgets their lines."""

import re
import tomllib
from bisect import bisect_right
from collections.abc import Mapping
from itertools import count

KeyPath = tuple[str | int, ...]
"""("looks", "mosaic", "target"), ("jobs", 2, "clip", 0)."""

_GAP = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_DOT = re.compile(r"[ \t]*\.[ \t]*")
_QUOTED = r'"(?:\\.|[^"\\\n])*"|' r"'[^'\n]*'"
_PART = re.compile(rf"{_QUOTED}|[A-Za-z0-9_-]+")
# Strings over several lines may end in five quotes, the first two of which are their own.
_SCALAR = re.compile(r'"""(?:\\.|[^\\])*?"""(?!")|' r"'''.*?'''(?!')|" rf"{_QUOTED}|[^,\]}}#\n]+", re.DOTALL)


def lines_of(text: str) -> Mapping[KeyPath, int]:
    """The line, from 1, of every table, key and element of a list. text: one that tomllib can read."""
    return _Scanner(text).scan()


class _Scanner:
    """Goes through the text once; `at` is where it stands."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self.lines: dict[KeyPath, int] = {}
        self._ends = [place for place, character in enumerate(text) if character == "\n"]
        self._newest: dict[KeyPath, int] = {}  # of each [[list of tables]], the number of its last

    def scan(self) -> Mapping[KeyPath, int]:
        table: KeyPath = ()
        while self._next():
            if self._next() == "[":
                table = self._header()
            else:
                self._pair(table)
        return self.lines

    def _next(self) -> str:
        """The next character that is neither space nor comment; "" at the end."""
        gap = _GAP.match(self.text, self.at)
        assert gap is not None
        self.at = gap.end()
        return self.text[self.at : self.at + 1]

    def _header(self) -> KeyPath:
        """[table] or [[table]]."""
        start, brackets = self.at, 2 if self.text.startswith("[[", self.at) else 1
        self.at += brackets
        self._next()
        path = self._resolved(self._key(), start)
        self._next()
        self.at += brackets
        if brackets == 2:
            self._newest[path] = self._newest.get(path, -1) + 1
            path = (*path, self._newest[path])
        self._note(path, start)
        return path

    def _resolved(self, parts: list[str], start: int) -> KeyPath:
        """[jobs.more] belongs to the last of [[jobs]]."""
        path: KeyPath = ()
        for part in parts:
            if path in self._newest:
                path = (*path, self._newest[path])
            path = (*path, part)
            self._note(path, start)
        return path

    def _pair(self, table: KeyPath) -> None:
        """key = value"""
        start, path = self.at, table
        for part in self._key():
            path = (*path, part)
            self._note(path, start)
        self._next()
        self.at += 1  # =
        self._next()
        self._value(path)

    def _key(self) -> list[str]:
        parts = [self._part()]
        while dot := _DOT.match(self.text, self.at):
            self.at = dot.end()
            parts.append(self._part())
        return parts

    def _part(self) -> str:
        part = _PART.match(self.text, self.at)
        assert part is not None, self.at
        self.at = part.end()
        return part[0] if part[0][0] not in "\"'" else tomllib.loads(f"key = {part[0]}")["key"]

    def _value(self, path: KeyPath) -> None:
        if self.text[self.at] == "[":
            self._list(path)
        elif self.text[self.at] == "{":
            self._inline_table(path)
        else:
            scalar = _SCALAR.match(self.text, self.at)
            assert scalar is not None, self.at
            self.at = scalar.end()

    def _list(self, path: KeyPath) -> None:
        self.at += 1
        for number in count():
            if self._next() == "]":
                break
            self._note((*path, number), self.at)
            self._value((*path, number))
            self.at += self._next() == ","
        self.at += 1

    def _inline_table(self, path: KeyPath) -> None:
        self.at += 1
        while self._next() != "}":
            self._pair(path)
            self.at += self._next() == ","
        self.at += 1

    def _note(self, path: KeyPath, at: int) -> None:
        self.lines.setdefault(path, bisect_right(self._ends, at - 1) + 1)

"""A table of a job file: what it says, what holds where it says nothing, and the line of either."""

import difflib
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from vidgan.errors import UsageError, VidganError
from vidgan.jobs.batch.where import KeyPath


@dataclass(frozen=True)
class Source:
    """name: the file's, for messages. lines: as of lines_of; empty where a batch was not read from a file."""

    name: str
    lines: Mapping[KeyPath, int]

    def place(self, path: KeyPath) -> str:
        """ "shots.toml, line 12": of the innermost that has a line of its own."""
        while path and path not in self.lines:
            path = path[:-1]
        return f"{self.name}, line {self.lines[path]}" if path else self.name


@dataclass(frozen=True)
class Setting:
    """A value of the recipe to change, "section.key=value", and where that is asked for."""

    text: str
    place: str

    @property
    def key(self) -> str:
        return self.text.partition("=")[0].strip()


@dataclass(frozen=True)
class Table:
    """title: as the user writes it, "[[jobs]]". beneath: what holds where this one says nothing."""

    title: str
    values: Mapping[str, Any]
    source: Source
    path: KeyPath = ()
    beneath: "Table | None" = None

    def __contains__(self, key: str) -> bool:
        return key in self.values or (self.beneath is not None and key in self.beneath)

    def get(self, key: str) -> Any:
        """None where neither says it."""
        if key in self.values or self.beneath is None:
            return self.values.get(key)
        return self.beneath.get(key)

    def place(self, *path: str | int) -> str:
        """Of a key of it, an element of that key's list, or of itself."""
        key = path[0] if path else None
        if self.beneath is not None and key not in self.values and key in self.beneath.values:
            return self.beneath.place(*path)
        return self.source.place((*self.path, *path))

    def over(self, beneath: "Table") -> "Table":
        return replace(self, beneath=beneath)

    def only(self, keys: Collection[str]) -> "Table":
        return replace(self, values={key: value for key, value in self.values.items() if key in keys})

    def without(self, keys: Collection[str]) -> "Table":
        return self.only(self.values.keys() - set(keys))

    def own_settings(self) -> list[Setting]:
        texts = self.values.get("set", ())
        return [Setting(text, self.place("set", number)) for number, text in enumerate(texts)]

    def inherited_settings(self) -> list[Setting]:
        return [] if self.beneath is None else self.beneath.settings()

    def settings(self) -> list[Setting]:
        """Its own last, so that they win."""
        return [*self.inherited_settings(), *self.own_settings()]

    def refuse(self, keys: Collection[str], why: str) -> None:
        """UsageError for one that it says itself. why: with {} in the key's place."""
        for key in keys:
            if key in self.values:
                raise self.wrong(why.format(key), key)

    def wrong(self, message: str, *path: str | int) -> UsageError:
        return UsageError(f"{self.place(*path)}: {message}")


@contextmanager
def told_at(place: str) -> Iterator[None]:
    """Say where the batch asks for what went wrong; an error stays of its class."""
    try:
        yield
    except VidganError as error:
        raise type(error)(f"{place}: {error}") from error


def meant(given: str, known: Collection[str]) -> str:
    """The known name that is nearest, and all of them."""
    close = difflib.get_close_matches(given, known, n=1)
    return f"{f'did you mean {close[0]!r}? ' if close else ''}known: {', '.join(known)}"

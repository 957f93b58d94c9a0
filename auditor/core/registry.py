"""A registry is a dict from a name to what bears it."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from typing import NoReturn, TypeVar

from auditor.core.errors import ConfigError

T = TypeVar("T")


class Registry(dict[str, T]):
    """Names of one kind of thing; a wrong name is answered with the nearest right one."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def register(self, name: str) -> Callable[[T], T]:
        """Enter what is decorated under `name`."""

        def enter(thing: T) -> T:
            if name in self:
                raise ValueError(f"two {self.kind}s are named {name!r}")
            self[name] = thing
            return thing

        return enter

    def __missing__(self, name: str) -> NoReturn:
        near = get_close_matches(name, self, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(sorted(self))}"
        raise ConfigError(f"no {self.kind} is named {name!r}; {hint}")

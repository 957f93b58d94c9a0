"""What every corpus is made of: texts and columns that hold an identifier, and ordinary ones."""

from __future__ import annotations

import datetime
import random
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from faker import Faker


@dataclass(frozen=True)
class Text:
    """A text, and what stands in it: (class, start, stop)."""

    text: str
    planted: tuple[tuple[str, int, int], ...] = ()
    where: str = "header comment"


@dataclass(frozen=True)
class Cells:
    """A column of a table, and the class it holds; None where it names nobody."""

    name: str
    values: tuple[str, ...]
    kind: str | None = None
    known: tuple[str, ...] = ()


def planted(template: str, kind: str, value: str, where: str = "header comment") -> Text:
    """A text in which `{}` stands for the planted value."""
    start = template.index("{}")
    return Text(template.replace("{}", value), ((kind, start, start + len(value)),), where)


def faker(locale: str, seed: str) -> Faker:
    """A country's generator of invented people."""
    one = Faker(locale)
    one.seed_instance(seed)
    return one


def days(seed: int, n: int) -> list[datetime.date]:
    rng = random.Random(f"days/{seed}")
    start = datetime.date(1925, 1, 1).toordinal()
    return [datetime.date.fromordinal(start + rng.randrange(35_000)) for _ in range(n)]


def rolled(rng: random.Random, template: str) -> str:
    """A line with numbers of their ranges."""
    return re.sub(r"<(-?\d+),(\d+)>", lambda m: str(rng.randrange(int(m[1]), int(m[2]))), template)


def ordinary_texts(
    lines: Iterable[str], made: Iterable[str], times: int, seed: str
) -> Iterator[Text]:
    """Texts that name nobody: lines as they are, and made ones with other numbers each time."""
    for line in lines:
        yield Text(line)
    rng = random.Random(seed)
    for template in made:
        for _ in range(times):
            yield Text(rolled(rng, template))


def named_columns(
    called: Mapping[str, Iterable[str]], corpus: str, seed: int, locale: str, day: str
) -> Iterator[Cells]:
    """Columns of people of one country.

    Parameters
    ----------
    called : class → names of columns that hold it
    day : how dates are written
    """
    rng = random.Random(f"{corpus}/columns/{seed}")
    one = faker(locale, f"{corpus}/{seed}")
    cell = {
        "name": one.name, "date": lambda: days(rng.randrange(10**6), 1)[0].strftime(day),
        "phone": one.phone_number,
        "record number": lambda: str(rng.randrange(10**6, 10**7)), "place": one.city,
    }  # fmt: skip
    for kind, names in called.items():
        for name in names:
            yield Cells(name, tuple(cell[kind]() for _ in range(24)), kind)


def coded_columns(names: Iterable[str]) -> Iterator[Cells]:
    """Columns of small codes, which name nobody."""
    for name in names:
        yield Cells(name, ("0", "1", "2") * 8)

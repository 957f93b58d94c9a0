"""Whose turn it is in training: everybody as often, whatever the number of their recordings."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


class Draw:
    """Draws some items, evenly over people and then evenly within each.

    Parameters
    ----------
    person : (n,) int64, whose each item is
    items : (m,) indices into `person`, the ones that may be drawn
    """

    def __init__(self, person: NDArray[np.int64], items: NDArray[np.int64]) -> None:
        self.items = items[np.argsort(person[items], kind="stable")]
        self.people, self.start, self.count = np.unique(
            person[self.items], return_index=True, return_counts=True
        )

    def turns(self, n: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """(n,) people; everybody has had a turn before anybody has the next."""
        rounds = -(-n // len(self.people))
        return np.concatenate([rng.permutation(self.people) for _ in range(rounds)])[:n]

    def of(self, people: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
        """An item of each of some people, (len(people),)."""
        place = np.searchsorted(self.people, people)
        drawn: NDArray[np.int64] = self.items[self.start[place] + rng.integers(self.count[place])]
        return drawn

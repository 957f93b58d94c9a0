"""Which rows a step of training is made of. It hangs on the seed and the step's number alone, so
that a training which was cut off goes on with the rows it would have had.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from auditor.core.streams import stream

#: The number of a step, from 0 → (batch,) its rows.
Sampler = Callable[[int], NDArray[np.int64]]


class ShuffledSampler:
    """Rows in turn, each once before any is drawn again, in an order that is new each time.

    Parameters
    ----------
    rows : (n,) what batches are made of
    name : of the stream that orders are drawn from
    """

    def __init__(self, rows: NDArray[np.int64], batch: int, seed: int, name: str) -> None:
        if not len(rows):
            raise ValueError("nothing to train on")
        self.rows, self.batch, self.seed, self.name = rows, batch, seed, name
        self._round, self._order = -1, rows

    def __call__(self, step: int) -> NDArray[np.int64]:
        """(batch,) the rows of a step."""
        places = np.arange(step * self.batch, (step + 1) * self.batch)
        return np.concatenate(
            [
                self._in(number)[places[places // len(self.rows) == number] % len(self.rows)]
                for number in np.unique(places // len(self.rows))
            ]
        )

    def _in(self, number: int) -> NDArray[np.int64]:
        if number != self._round:
            rng = stream(self.seed, f"{self.name}/round/{number}")
            self._round, self._order = number, rng.permutation(self.rows)
        return self._order


class SubjectSampler:
    """People in turn, and of each a row that is drawn at random: everybody is shown as often,
    whatever the number of their rows.

    Parameters
    ----------
    subject : (n,) int64, whose each row is
    rows : (m,) indices into `subject`, the ones that may be drawn
    name : of the streams that people and their rows are drawn from
    """

    def __init__(
        self,
        subject: NDArray[np.int64],
        rows: NDArray[np.int64],
        batch: int,
        seed: int,
        name: str,
    ) -> None:
        self.subject, self.seed, self.name = subject, seed, name
        self.rows = rows[np.argsort(subject[rows], kind="stable")]
        self.people, self._start, self._count = np.unique(
            subject[self.rows], return_index=True, return_counts=True
        )
        self._turns = ShuffledSampler(self.people, batch, seed, name)

    def __call__(self, step: int) -> NDArray[np.int64]:
        """(batch,) the rows of a step."""
        return self._drawn(self._turns(step), stream(self.seed, f"{self.name}/rows/{step}"))

    def mates(self, rows: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
        """For each of some rows one of the same person's, or the same again, (len(rows),)."""
        return self._drawn(self.subject[rows], rng)

    def _drawn(self, people: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
        place = np.searchsorted(self.people, people)
        drawn: NDArray[np.int64] = self.rows[self._start[place] + rng.integers(self._count[place])]
        return drawn

"""A model under audit: what it gives out of each record, and whose records it was trained on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auditor.core.view import View

Floats = NDArray[np.float64]
#: Whose a record is: of the training data, of nobody the model ever saw, or neither for certain.
MEMBER, NONMEMBER, NEITHER = 1, 0, -1
#: What a label of whole numbers, 1 or 0, is where it is not known.
UNKNOWN = -1

#: (n,) which records a model is trained on, (n, m) what is true of each, and a seed → (n, m) how
#: well it then fits each record.
Refit = Callable[[NDArray[np.bool_], Floats, int], Floats]


@dataclass(frozen=True, eq=False)
class Target:
    """A model under audit, and the records that it can be asked about.

    Attributes
    ----------
    name : what its findings are called by: a task, never a file
    title : what it does, for a reader
    record, subject, session : (n,) str
    part : (n,) int8, `MEMBER`, `NONMEMBER` or `NEITHER`
    unknown : why nobody can be called a member; "" where somebody can
    male, age : (n,) float64, 1 or 0, and years; NaN where not known
    tells : (m,) what it was trained to tell, such as the codes of diagnoses
    truth : (n, m) float64, what is true of each record; NaN where not known; (n, 0) without labels
    outputs : by name, what it gives out of each record, (n, d) float32: `scores` (n, m), `logits`,
        `embedding`, `tokens`, `explanation`, `leaves`, `phenotypes`; of a model of two kinds of
        input also `other`, the embedding of the other one (NaN where there is none). Only what is
        asked for is worked out.
    controls : by the same names, what a model with random weights gives out
    fit : how well the model fits each record, (n, m): the log-odds of what is true, the likeness of
        a pair, a reconstruction's negative error; larger for what was learnt by heart
    inputs, columns : (n, d) float32 what it is asked with, where that is a table; else (n, 0)
    refit : trains a model by the same recipe on other records; None where the recipe is not known
    overfit : the same by a recipe that learns by heart, to show that this would be found
    trees : by what they tell, the boosters
    parts : whatever an attack of one family needs beyond this, by name (a generator, texts)
    """

    name: str
    title: str
    record: NDArray[np.str_]
    subject: NDArray[np.str_]
    session: NDArray[np.str_]
    part: NDArray[np.int8]
    unknown: str
    male: Floats
    age: Floats
    tells: tuple[str, ...]
    truth: Floats
    outputs: Mapping[str, Callable[[], NDArray[np.float32]]]
    fit: Callable[[], Floats] | None
    inputs: NDArray[np.float32]
    columns: tuple[str, ...]
    refit: Refit | None = None
    overfit: Refit | None = None
    controls: Mapping[str, Callable[[], NDArray[np.float32]]] = field(default_factory=dict)
    trees: Mapping[str, Any] = field(default_factory=dict)
    parts: Mapping[str, Any] = field(default_factory=dict)
    #: What was worked out already.
    known: dict[str, View] = field(default_factory=dict)

    def __post_init__(self) -> None:
        n = len(self.record)
        for name in ("subject", "session", "part", "male", "age", "truth", "inputs"):
            if len(getattr(self, name)) != n:
                raise ValueError(f"{name} has {len(getattr(self, name))} rows, wanted {n}")
        if self.truth.ndim != 2 or self.inputs.shape[1] != len(self.columns):
            raise ValueError("truth or inputs have not a column for each name")

    def view(self, output: str, *, control: bool = False) -> View:
        """What the model, or its twin of random weights, gives out of each record."""
        name = f"{'random ' if control else ''}{output}"
        if name not in self.known:
            values = np.asarray((self.controls if control else self.outputs)[output](), np.float32)
            columns = tuple(map(str, range(values.shape[1])))
            self.known[name] = View(name, values, columns, self.record, self.subject, self.session)
        return self.known[name]

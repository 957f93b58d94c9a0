"""A model under audit: what it gives out of each record, and whose records it was trained on."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from auditor.core.view import View

Floats = NDArray[np.float64]
Rows = NDArray[np.float32]
Places = NDArray[np.int64]
#: Whose a record is: of the training data, of nobody the model ever saw, or neither for certain.
MEMBER, NONMEMBER, NEITHER = 1, 0, -1
#: What a label of whole numbers, 1 or 0, is where it is not known.
UNKNOWN = -1
#: What a label says of a record: yes or no; which of several classes it is of, counted from 0; how
#: much of something there is.
Kind = Literal["finding", "class", "value"]
#: What a training is counted in: of trees how often some were grown, of networks its batches.
StageUnit = Literal["rounds", "steps"]

#: (n,) which records a model is trained on, (n, m) what is true of each, and a seed → (n, m) how
#: well it then fits each record.
TrainReference = Callable[[NDArray[np.bool_], Floats, int], Floats]


def kind_of(output: str) -> str:
    """What an output is: of several embeddings each is one."""
    return re.sub(r"-\d+$", "", output)


class Generator(Protocol):
    """What draws pictures, for records or for nobody."""

    @property
    def real(self) -> Rows:
        """(n, …) the picture of each record of the target; NaN where there is none."""
        ...

    def drawn(self, seed: int, rows: Places) -> Rows:
        """(len(rows), …) pictures for the conditions of these records; seeds differ in noise."""
        ...

    def unconditional(self, seed: int, n: int) -> Rows | None:
        """(n, …) pictures for no condition; None where there are none to be had."""
        ...

    def encode(self, images: Rows) -> Rows:
        """(n, k) where pictures stand in the space in which distances are taken."""
        ...


class WrittenTexts(Protocol):
    """What a model writes, and what it was taught to."""

    @property
    def told(self) -> Mapping[str, tuple[str, ...]]:
        """By prompt ("full", "blank", "image only", "signal only"), what it writes of each."""
        ...

    @property
    def written(self) -> tuple[str, ...]:
        """The answer that belongs to each record, which members' were taught; "" where none."""
        ...

    @property
    def loss(self) -> Floats | None:
        """(n, k) −log p of each token of that answer, NaN past its end; None where not known."""
        ...


@dataclass(frozen=True, eq=False)
class Target:
    """A model under audit, and the records that it can be asked about.

    Attributes
    ----------
    name : what its findings are called by: a task, never a file
    title : what it does, for a reader
    record, subject, session : (n,) str
    split : (n,) int8, `MEMBER`, `NONMEMBER` or `NEITHER`
    membership_unknown : why nobody can be called a member; "" where somebody can
    male, age : (n,) float64, 1 or 0, and years; NaN where not known
    labels : (m,) what it was trained to predict, such as the codes of diagnoses; findings first
    y_true : (n, m) float64, what is true of each record; NaN where not known; (n, 0) without labels
    kinds : by label, what it says of a record, where that is no finding
    values : by name, (n,) what its embedding should tell beside the labels, such as phenotypes;
        NaN where not known
    outputs : by name, what it gives out of each record, (n, d) float32: `scores`, a column for each
        finding and then for each class, `predictions` of values, `logits`, `embedding`, `tokens`,
        `explanation`, `leaves`, `phenotypes`; of a model of two kinds of input also `other`, the
        embedding of the other one (NaN where there is none); of several embeddings `embedding-2`
        and so on. Only what is asked for is worked out.
    controls : by the same names, what a model with random weights gives out
    membership_signal : how well the model fits each record, (n, m): the log-odds of what is true,
        the likeness of a pair, a reconstruction's or a value's negative error; larger for what was
        learnt by heart
    inputs, columns : (n, d) float32 what it is asked with, where that is a table; else (n, 0)
    train_reference : trains a model by the same recipe on other records; None where that is not
        known
    train_overfitted : the same by a recipe that learns by heart, to show that this would be found
    trees : by what they tell, the boosters
    thresholds : of trees that are no boosters, by the place of an input, every threshold on it,
        ascending, beyond or at which a value is; {} where they are on no input as it is, and None
        where there are no such trees
    generator, texts : of a model that draws pictures or writes texts, what does
    replicates : the same model asked with each of several measurements that a record is made of
        alone, a row for each of them; None where a record is of one
    canaries : −log p of what was hidden in its training (c,), and of alternatives (c, m)
    unread : how much came with the model and was not understood, by kinds of `core.unread`
    file : whether its file is released, which makes all that it gives out possible
    decimals : to how many its outputs are rounded; None where to none
    stages : by rounds of training, or its steps, the model as it was after so many; the last is
        what is released
    stage_unit : what of the training those are
    instead_of : where it could be released instead of another model, that
    rounded_to, stopped_at : how it differs from that: decimals of its scores, rounds or steps of
        training
    """

    name: str
    title: str
    record: NDArray[np.str_]
    subject: NDArray[np.str_]
    session: NDArray[np.str_]
    split: NDArray[np.int8]
    membership_unknown: str
    male: Floats
    age: Floats
    labels: tuple[str, ...]
    y_true: Floats
    outputs: Mapping[str, Callable[[], NDArray[np.float32]]]
    membership_signal: Callable[[], Floats] | None
    inputs: NDArray[np.float32]
    columns: tuple[str, ...]
    train_reference: TrainReference | None = None
    train_overfitted: TrainReference | None = None
    controls: Mapping[str, Callable[[], NDArray[np.float32]]] = field(default_factory=dict)
    trees: Mapping[str, Any] = field(default_factory=dict)
    kinds: Mapping[str, Kind] = field(default_factory=dict)
    values: Mapping[str, Floats] = field(default_factory=dict)
    thresholds: Mapping[int, Floats] | None = None
    generator: Generator | None = None
    texts: WrittenTexts | None = None
    canaries: Callable[[], tuple[Floats, Floats]] | None = None
    replicates: Target | None = None
    unread: Mapping[str, int] = field(default_factory=dict)
    file: bool = True
    decimals: int | None = None
    stages: Mapping[int, Callable[[], Target]] = field(default_factory=dict)
    stage_unit: StageUnit = "rounds"
    instead_of: Target | None = None
    rounded_to: int | None = None
    stopped_at: int | None = None
    #: What was worked out already.
    _cache: dict[str, View] = field(default_factory=dict)

    def __post_init__(self) -> None:
        n = len(self.record)
        for name in ("subject", "session", "split", "male", "age", "y_true", "inputs"):
            if len(getattr(self, name)) != n:
                raise ValueError(f"{name} has {len(getattr(self, name))} rows, wanted {n}")
        if self.y_true.ndim != 2 or self.inputs.shape[1] != len(self.columns):
            raise ValueError("y_true or inputs have not a column for each name")

    def kind(self, label: str) -> Kind:
        """What a label says of a record."""
        return self.kinds.get(label, "finding")

    def view(self, output: str, *, control: bool = False) -> View:
        """What the model, or its twin of random weights, gives out of each record."""
        name = f"{'random ' if control else ''}{output}"
        if name not in self._cache:
            values = np.asarray((self.controls if control else self.outputs)[output](), np.float32)
            columns = tuple(map(str, range(values.shape[1])))
            self._cache[name] = View(name, values, columns, self.record, self.subject, self.session)
        return self._cache[name]

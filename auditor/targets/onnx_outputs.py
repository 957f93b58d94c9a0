"""What a network of others gives out, and what of it is what: an `.onnx` file hardly says.

Numbers between 0 and 1 are risks; those that make up 1 are of classes; others are log-odds or a
value where they are known to be of what is told, and an embedding otherwise. Whole numbers and
texts are names, as the leaves of trees are, unless risks tell them already.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import logit

from auditor.core.errors import ModelError
from auditor.core.target import Floats, Kind
from auditor.targets import description
from auditor.targets.description import DESCRIPTION, Description
from auditor.targets.model import class_log_odds_of, log_odds_of
from auditor.targets.recordings import Rows
from auditor.targets.table import ReadLabel

#: By label, how what is true is read → by label, what is true of each record.
Truth = Callable[[Mapping[str, ReadLabel]], Mapping[str, Floats]]
#: No risk is told further from 0 and 1 than so, and sums of many trees miss 0 and 1 by so much.
_SURE, _ROUNDED = 1e-6, 1e-4
#: How many findings may be told that nobody has named.
_MOST_TOLD = 100
#: Embeddings that are attacked, each by itself: one that tells nothing must not hide another.
_MOST_EMBEDDINGS = 8
#: So many different numbers, and more, are values and no codes.
_VALUES = 10
#: So much may risks that exclude one another miss 1 by, all together.
_OFF = 1e-3
#: What a class is called that has a name which nobody knows.
_UNKNOWN = "?"
#: Records of each class, on the average, without which nothing shows that a name follows from it.
_EACH = 5
#: What no more than one output of a file is taken for.
_SCORES, _LOGITS, _PREDICTIONS, _LEAVES = "scores", "logits", "predictions", "leaves"


@dataclass(frozen=True, eq=False)
class Given:
    """An output of a file.

    Attributes
    ----------
    values : (n, d); which of `names` where they are no numbers
    classes : what the columns are called; () where the file does not say
    names : whether the values are names and not numbers
    texts : what the names are, where they are texts
    """

    name: str
    values: Rows
    classes: tuple[str, ...] = ()
    names: bool = False
    texts: tuple[str, ...] = ()

    @property
    def width(self) -> int:
        """Numbers of each record."""
        return int(self.values.shape[1])

    @property
    def are_risks(self) -> bool:
        """Whether all that is known of them is between 0 and 1."""
        known = self._known
        return bool(len(known) and known.min() >= -_ROUNDED and known.max() <= 1 + _ROUNDED)

    @property
    def exclude_one_another(self) -> bool:
        """Whether they are risks of which one and one only is true."""
        sums = self._known.sum(axis=1)
        return self.width > 1 and self.are_risks and bool(np.allclose(sums, 1, atol=_OFF))

    @property
    def _known(self) -> Rows:
        return self.values[np.isfinite(self.values).all(axis=1)]


@dataclass(frozen=True, eq=False)
class Told:
    """What a network gives out of each record.

    Attributes
    ----------
    outputs : kind → (n, d)
    y_true : label → (n,) what is true, NaN not known; what is known of anybody comes first
    kinds : as `core.target.Target` tells them
    membership_signal : as `core.target.Target` tells it, of what is known of anybody
    n_left : outputs that were not looked at
    """

    outputs: Mapping[str, Rows]
    y_true: Mapping[str, Floats]
    kinds: Mapping[str, Kind] = field(default_factory=dict)
    membership_signal: Callable[[], Floats] | None = None
    n_left: int = 0

    @classmethod
    def of(
        cls, given: Sequence[Given], labels: Sequence[str], said: Description, truth: Truth
    ) -> Told:
        """Of outputs by what they are called, and else by what they look like.

        Parameters
        ----------
        labels : what there is to predict, in the network's order; where it predicts as many other
            things, they are called by their numbers

        Raises
        ------
        ModelError
            What is true is not told in the classes of the network.
        """
        names = [one for one in given if one.names]
        numbers = _together([one for one in given if not one.names], labels)
        numbers, names = _explained(numbers, names)
        first = _asked(numbers, labels, said, truth)
        if first is None:
            told = _unasked(labels, said, truth)
        else:
            place, told = first
            del numbers[place]
        outputs = dict(told.outputs)
        for at, one in enumerate(numbers[:_MOST_EMBEDDINGS]):
            outputs[f"embedding-{at + 1}" if at else "embedding"] = one.values
        if names:
            outputs[_LEAVES] = np.hstack([one.values for one in names])
        return replace(told, outputs=outputs, n_left=max(len(numbers) - _MOST_EMBEDDINGS, 0))

    def made(self) -> dict[str, Callable[[], Rows]]:
        """The outputs, as a target hands them out."""
        return {name: partial(np.asarray, values) for name, values in self.outputs.items()}

    def unread(self, n_strange: int) -> dict[str, int]:
        """What was not understood, with so many outputs of a kind that is not read."""
        return {"model output": self.n_left + n_strange}


def _known(y_true: Mapping[str, Floats]) -> list[str]:
    """What is known of anybody."""
    return [name for name, label in y_true.items() if np.isfinite(label).any()]


# --- which outputs belong together --------------------------------------------------------


def _together(given: Sequence[Given], labels: Sequence[str]) -> list[Given]:
    """Outputs, those of one finding or one class each as one, in the order of the labels where they
    are called by them.
    """
    alone = [one for one in given if one.width == 1]
    if len(alone) != len(labels):
        alone = [one for one in alone if one.are_risks]
    if len(alone) < 2:
        return list(given)
    by_name = {one.name: one for one in alone}
    in_order = [by_name[one] for one in labels] if by_name.keys() == set(labels) else alone
    both = replace(alone[0], values=np.hstack([one.values for one in in_order]))
    return [both if one is alone[0] else one for one in given if one not in alone[1:]]


def _explained(numbers: Sequence[Given], names: Sequence[Given]) -> tuple[list[Given], list[Given]]:
    """Outputs of numbers, with what their columns are called by an output of names that follows
    from them, such as the likeliest class; and the outputs of names that follow from none.
    """
    found, left = list(numbers), []
    for one in names:
        places = [at for at, risks in enumerate(found) if _follows(one, risks)]
        if not places:
            left.append(one)
            places = [at for at, risks in enumerate(found) if _may_be_called(risks, one)]
        for at in places:
            found[at] = _called(found[at], one)
    return found, left


def _may_be_called(risks: Given, names: Given) -> bool:
    """Whether an output of texts may be about the classes of another, from which it does not
    follow.
    """
    n_texts = len({text for text in names.texts if not re.fullmatch(r"[-\d.]+", text)})
    return names.width == 1 and risks.exclude_one_another and 0 < n_texts <= risks.width


def _follows(names: Given, risks: Given) -> bool:
    """Whether a name says no more than which of the risks is the largest, or that one is large."""
    if names.width != 1 or not risks.are_risks:
        return False
    name = names.values[:, 0]
    if risks.width == 1:
        low, high = (risks.values[name == one, 0] for one in (name.min(), name.max()))
        return bool(
            np.isin(name, (name.min(), name.max())).all()
            and (name.min() == name.max() or low.max() < high.min() or high.max() < low.min())
        )
    largest, clear = _largest(risks)
    n_largest = len(np.unique(largest[clear]))
    n_pairs = len(np.unique(np.stack([largest, name])[:, clear], axis=1).T)
    # From as many classes as there are records, everything follows.
    return risks.exclude_one_another and 0 < n_pairs == n_largest <= clear.sum() / _EACH


def _largest(risks: Given) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """(n,) which of the risks is the largest, and whether it is so clearly."""
    last, first = np.sort(risks.values, axis=1)[:, -2:].T
    return risks.values.argmax(axis=1), first - last > _ROUNDED


def _called(risks: Given, names: Given) -> Given:
    """Risks, by what the likeliest of them is called."""
    if risks.classes not in ((), (_UNKNOWN,) * risks.width) or risks.width == 1:
        return risks
    largest, clear = _largest(risks)
    name = names.values[:, 0].astype(np.int64)
    pairs = set(zip(largest[clear].tolist(), name[clear].tolist(), strict=True))
    code = dict(pairs)
    if not len(pairs) == len(code) == len(set(code.values())):
        return replace(risks, classes=(_UNKNOWN,) * risks.width)
    classes = [names.texts[code[at]] if at in code else "" for at in range(risks.width)]
    return replace(risks, classes=tuple(classes))


# --- what is told of what is asked --------------------------------------------------------


def _asked(
    numbers: Sequence[Given], labels: Sequence[str], said: Description, truth: Truth
) -> tuple[int, Told] | None:
    """The first output that tells what is asked, or that as many risks tell that nobody named; and
    what it tells. None where none does.
    """
    for place, one in enumerate(numbers):
        if "embed" in one.name.lower():
            continue
        as_logits = "logit" in one.name.lower()
        told = (
            _of_one(one, labels[0], as_logits, said, truth)
            if len(labels) == 1
            else _of_many(one, labels, as_logits, truth)
        )
        if told is None and (as_logits or (one.are_risks and one.width <= _MOST_TOLD)):
            kind = _LOGITS if as_logits else _SCORES
            blank = {str(at): np.full(len(one.values), np.nan) for at in range(one.width)}
            told = Told({kind: one.values}, blank)
        if told is not None:
            return place, told
    return None


def _unasked(labels: Sequence[str], said: Description, truth: Truth) -> Told:
    """What is true, where no output tells it."""
    readers: dict[str, ReadLabel] = dict.fromkeys(labels, description.yes_or_no)
    kinds: dict[str, Kind] = {}
    for one in labels:
        if names := said.classes.get(one, ()):
            readers[one] = partial(description.classes, n_classes=len(names), names=names)
            kinds[one] = "class"
    y_true = truth(readers)
    known = _known(y_true)
    order = sorted(y_true, key=lambda one: (one in kinds, one not in known))
    return Told({}, {one: y_true[one] for one in order}, kinds)


def _of_many(one: Given, labels: Sequence[str], as_logits: bool, truth: Truth) -> Told | None:
    """A finding in each column; those that nothing is known of come last."""
    if one.width != len(labels):
        return None
    y_true = truth(dict.fromkeys(labels, description.yes_or_no))
    known = _known(y_true)
    if not (as_logits or one.are_risks or known):
        return None
    is_risk = one.are_risks and not as_logits
    order = sorted(range(len(labels)), key=lambda at: labels[at] not in known)
    values = one.values[:, order]
    y_true = {labels[at]: y_true[labels[at]] for at in order}
    each = [
        log_odds_of(y_true[name], _odds(values[:, at], is_risk)) for at, name in enumerate(known)
    ]
    signal = (lambda: np.stack(each, axis=1)) if known else None
    return Told({_SCORES if is_risk else _LOGITS: values}, y_true, {}, signal)


def _of_one(
    one: Given, label: str, as_logits: bool, said: Description, truth: Truth
) -> Told | None:
    """A finding in one column, or in that of yes beside no; a class in each column; or a value."""
    names = said.classes.get(label, ())
    is_risk = one.are_risks and not as_logits
    excludes = one.exclude_one_another and not as_logits
    if names and not len({name.strip().lower() for name in names}) == len(names) == one.width:
        if one.width == 1 or excludes or as_logits:
            raise ModelError(
                f"{DESCRIPTION}: classes: {label}: names {len(names)} classes; its model has "
                f"{one.width if one.width > 1 else 'none'}"
            )
        return None
    if one.width == 1:
        return _of_column(one.values, label, is_risk, truth)
    if is_risk and not excludes:
        return None
    if not is_risk and one.width > 2 and not (as_logits or names):
        return None
    read, order = _classes(one, label, names)
    y_true = truth({label: read})
    values = one.values[:, order]
    known = bool(_known(y_true))
    if one.width == 2 and is_risk:
        return _of_yes(values[:, 1:], label, y_true, True)
    if one.width == 2 and known:
        return _of_yes(values[:, 1:] - values[:, :1], label, y_true, False)
    if not known:
        return None
    odds = values.astype(np.float64)
    odds = np.log(np.maximum(odds, _SURE)) if is_risk else odds
    fits = class_log_odds_of(y_true[label], odds)[:, None]
    kind = _SCORES if is_risk else _LOGITS
    return Told({kind: values}, y_true, {label: "class"}, lambda: fits)


def _of_column(values: Rows, label: str, is_risk: bool, truth: Truth) -> Told | None:
    """A finding, or a value where what is true is one."""
    y_true = truth({label: _values_or_yes})
    told = y_true[label][np.isfinite(y_true[label])]
    if np.isin(told, (0, 1)).all():
        return _of_yes(values, label, y_true, is_risk) if is_risk or len(told) else None
    off = -np.abs(values.astype(np.float64) - y_true[label][:, None])
    return Told({_PREDICTIONS: values}, y_true, {label: "value"}, lambda: off)


def _of_yes(values: Rows, label: str, y_true: Mapping[str, Floats], is_risk: bool) -> Told:
    fits = log_odds_of(y_true[label], _odds(values[:, 0], is_risk))[:, None]
    signal = (lambda: fits) if _known(y_true) else None
    return Told({_SCORES if is_risk else _LOGITS: values}, y_true, {}, signal)


def _odds(values: Rows, is_risk: bool) -> Floats:
    found = values.astype(np.float64)
    return np.asarray(logit(np.clip(found, _SURE, 1 - _SURE)) if is_risk else found)


# --- how what is true is read -------------------------------------------------------------


def _values_or_yes(table: pd.DataFrame, column: str) -> Floats:
    """(n,) a label, or values where there are many different ones."""
    try:
        return description.yes_or_no(table, column)
    except ModelError:
        try:
            found = description.numbers(table, column)
        except ModelError:
            found = np.zeros(0)
        if len(np.unique(found[np.isfinite(found)])) < _VALUES:
            raise
        return found


def _classes(one: Given, label: str, names: Sequence[str]) -> tuple[ReadLabel, list[int]]:
    """How the table's column of classes is read, and in which order the network's are put: no
    before yes.

    Parameters
    ----------
    names : what each is called in the column, in the network's order, where somebody says so
    """
    order = list(range(one.width))
    called = names or (() if _are_places(one.classes) else one.classes)
    truths = [description.is_yes(name) for name in called]
    if truths in ([True, False], [False, True]):
        return description.yes_or_no, sorted(order, key=lambda at: bool(truths[at]))
    if not called and one.width == 2:
        return description.yes_or_no, order
    read = partial(description.classes, n_classes=one.width, names=called)

    def by_name(table: pd.DataFrame, column: str) -> Floats:
        try:
            if len({name.strip().lower() for name in called} - {""}) < len(called):
                raise ModelError("not all of them are called anything of their own")
            return read(table, column)
        except ModelError:
            raise ModelError(
                f"label {column.removeprefix('label ')}: the model calls its {len(called)} "
                f"classes otherwise; say in {DESCRIPTION} under classes what each is called in "
                "that column, in the model's order"
            ) from None

    return (by_name if called and not names else read), order


def _are_places(classes: Sequence[str]) -> bool:
    """Whether classes are called by where they stand, as far as they are called anything."""
    return all(name in ("", str(at)) for at, name in enumerate(classes))

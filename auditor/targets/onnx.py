"""Networks of others under audit: a `.onnx` file, run by onnxruntime.

Such a file is a program. What it may do is bounded before it is loaded: the operators are those of
the standard without its loops, and no tensor lies in another file (onnxruntime would read it from
wherever this program was started). It is read and run in a process of its own, with limits of
memory and time (`onnx_session.py`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy.signal import resample_poly
from scipy.special import logit

from auditor.core.confined import MOST, Arrays, Confined, Ended, Words
from auditor.core.errors import ModelError, SignalError
from auditor.core.target import Floats, Target
from auditor.targets import description
from auditor.targets.description import DESCRIPTION
from auditor.targets.model import WIDEST, ReleasedModel, compact, log_odds_of, summaries
from auditor.targets.recordings import Recordings, Rows, visits
from auditor.targets.table import Table, table_of

#: Larger files are not opened, and no longer leads are read.
_MAX_BYTES, _MAX_SAMPLES = 1 << 30, 1 << 20
#: Bytes that the process of a network may have beyond its libraries and its file.
_MEMORY = 4 << 30
_TOO_MUCH = f"needs more than {_MEMORY >> 30} GiB of memory"
#: Seconds that it may take, far above what a slow machine needs: to load so many bytes in each, and
#: to run, and for each record.
_SECONDS_TO_LOAD, _BYTES_A_SECOND = 60.0, 1 << 21
_SECONDS_TO_RUN, _SECONDS_EACH = 60.0, 2.0
#: Records that a network is asked about at once, where it does not say how many.
_AT_ONCE = 256
#: What is read of a recording where a network would take any length, seconds.
_SECONDS = 10.0
_NUMBERS = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(float16)": np.float16,
}
#: No risk is told further from 0 and 1 than so.
_SURE = 1e-6
#: What is told of findings; and how many findings may be told that nobody has named.
_RISKS, _MOST_TOLD = {"scores", "logits"}, 100


def open_onnx(model: ReleasedModel) -> Target:
    """A network that reads either a row of numbers, or an ECG.

    Raises
    ------
    ModelError
        onnxruntime is not installed; or the file is damaged, too large, not one file, asks for
        what it cannot be given (memory and time among it) or gives out what is no number; or is
        asked about other records.
    """
    if len(model.files) != 1:
        raise ModelError(f"{model.name}: names {len(model.files)} .onnx files; name one")
    ((name, file),) = model.files.items()
    network = _Network(model.file(file))
    labels = tuple(model.description.labels) or (name,)
    if len(network.shape) == 2:
        return _of_table(
            model, network, table_of(model, dict.fromkeys(labels, description.yes_or_no)), labels
        )
    return _of_recordings(model, network, labels)


# --- the file -----------------------------------------------------------------------------


class _Network:
    """A file that was loaded, in a process of its own.

    Attributes
    ----------
    shape : of its input: how many at once, and what of each; None where any number will do
    outputs : names of what it gives out in numbers
    """

    def __init__(self, path: Path) -> None:
        self.file = path.name
        if not all(map(find_spec, ("onnx", "onnxruntime"))):  # both are an extra
            raise ModelError(
                f"{path.name}: needs onnxruntime, which is not installed: "
                "pip install 'ecg-auditor[onnx]'"
            )
        if path.stat().st_size > _MAX_BYTES:
            raise ModelError(f"{path.name}: larger than {_MAX_BYTES >> 30} GiB; export less of it")
        content = np.frombuffer(path.read_bytes(), np.uint8)
        self._doing = "loaded it"
        try:
            # What is read is held as the file, as messages, and as tensors twice.
            self._child = Confined("auditor.targets.onnx_session", _MEMORY + 4 * len(content))
        except Ended as error:
            raise self._ended(error) from error
        said, _ = self._told({}, [content], _SECONDS_TO_LOAD + len(content) / _BYTES_A_SECOND)
        if "memory" in said:
            raise ModelError(f"{path.name}: {_TOO_MUCH} to be loaded; export less of it")
        if "error" in said:
            raise ModelError(
                f"{path.name}: onnxruntime cannot load it ({said['error']}); export it again"
            )
        self._doing = "ran it"
        given = said["inputs"]
        if (
            len(given) != 1
            or given[0]["type"] not in _NUMBERS
            or len(given[0]["shape"]) not in (2, 3)
        ):
            kinds = [f"{one['type']} of {len(one['shape'])} axes" for one in given[:3]]
            raise ModelError(
                f"{path.name}: its inputs are {', '.join(kinds) or 'none'}; wanted one of numbers, "
                "(records, columns) or (records, leads, samples)"
            )
        self._input, self._dtype = given[0]["name"], _NUMBERS[given[0]["type"]]
        sizes = given[0]["shape"]
        self.shape = [one if isinstance(one, int) and one > 0 else None for one in sizes]
        self.outputs = [one["name"] for one in said["outputs"] if one["type"] in _NUMBERS]
        if not self.outputs:
            raise ModelError(
                f"{path.name}: gives out no table of numbers; export it without maps (zipmap)"
            )

    def asked(self, x: Rows) -> list[Rows]:
        """(n, d) of each output, at most 2,000 numbers of each record; all NaN of records with
        gaps where the network cannot do without.
        """
        at_once = self.shape[0] or _AT_ONCE
        found: list[list[Rows]] = [[] for _ in self.outputs]
        for start in range(0, len(x), at_once):
            some = x[start : start + at_once]
            given = some.astype(self._dtype)
            if self.shape[0]:  # no fewer will do
                given = np.resize(given, (at_once, *given.shape[1:]))
            for place, values in enumerate(self._run(given)):
                found[place].append(_flat(values)[: len(some)])
        whole = np.isfinite(x).all(axis=tuple(range(1, x.ndim)))
        told = []
        for parts in found:
            values = np.concatenate(parts)
            finite = np.isfinite(values).all(axis=1)
            if not finite[whole].all():
                raise ModelError(f"{self.file}: gives out numbers that are not finite; correct it")
            values[~finite] = np.nan
            told.append(values)
        return told

    def _run(self, given: NDArray[Any]) -> list[NDArray[Any]]:
        about = {"outputs": self.outputs, "input": self._input}
        said: Mapping[str, Any] = {"memory": True}
        told: list[NDArray[Any]] = []
        if given.nbytes <= MOST:
            said, told = self._told(about, [given], _SECONDS_TO_RUN + _SECONDS_EACH * len(given))
        if "memory" in said:
            if self.shape[0] or len(given) == 1:
                raise ModelError(
                    f"{self.file}: {_TOO_MUCH} for {given.shape} numbers; export less of it"
                )
            half = len(given) // 2
            pairs = zip(self._run(given[:half]), self._run(given[half:]), strict=True)
            return [np.concatenate(pair) for pair in pairs]
        if "error" in said:
            raise ModelError(
                f"{self.file}: onnxruntime cannot run it on {given.shape} numbers "
                f"({said['error']}); export it again"
            )
        for values in told:
            if not values.ndim or len(values) != len(given) or not values.size:
                raise ModelError(
                    f"{self.file}: gives out {values.shape} for {len(given)} records; wanted a row "
                    "of each"
                )
        return told

    def _told(
        self, words: Words, arrays: Arrays, seconds: float
    ) -> tuple[Mapping[str, Any], list[NDArray[Any]]]:
        try:
            said, told = self._child.ask(words, arrays, seconds)
        except Ended as error:
            raise self._ended(error) from error
        if "wrong" in said:
            raise ModelError(f"{self.file}: {said['wrong']}")
        return said, told

    def _ended(self, error: Ended) -> ModelError:
        return ModelError(
            f"{self.file}: the process in which onnxruntime {self._doing} {error}; export it again"
        )


def _flat(values: NDArray[Any]) -> Rows:
    """(n, at most 2,000) numbers, runs of them as their means where there are more."""
    n = len(values)
    flat = torch.from_numpy(values.astype(np.float32))
    if values.ndim < 3:
        flat = flat.reshape(n, -1)
        return np.asarray((flat if flat.shape[1] <= WIDEST else compact(flat[..., None])).numpy())
    return np.asarray(compact(flat.reshape(n, -1, values.shape[-1])).numpy())


# --- what it is asked with ----------------------------------------------------------------


def _of_table(
    model: ReleasedModel, network: _Network, table: Table, labels: Sequence[str]
) -> Target:
    wanted = network.shape[1]
    n = len(table.columns) if len(table.record) else 0
    if not n or wanted not in (None, n):
        raise ModelError(
            f"{network.file}: reads {wanted or 'some'} columns, and {n} are known; name them in "
            f"{DESCRIPTION} under inputs, in its order, and under members a table that has them"
        )
    y_true = {one: table.y_true[one] for one in labels}
    told = _Told.of(network.outputs, network.asked(table.inputs), y_true)
    return Target(
        name=model.name,
        title=model.description.title,
        record=table.record,
        subject=table.subject,
        session=table.session,
        split=table.split,
        membership_unknown=table.membership_unknown,
        male=table.male,
        age=table.age,
        labels=tuple(told.y_true),
        y_true=np.stack(list(told.y_true.values()), axis=1),
        outputs=told.made(),
        membership_signal=told.membership_signal,
        inputs=table.inputs,
        columns=table.columns,
    )


def _of_recordings(model: ReleasedModel, network: _Network, labels: Sequence[str]) -> Target:
    said = model.description
    n_leads, n_samples = network.shape[1:]
    if said.fs is None or not said.leads or n_leads not in (None, len(said.leads)):
        raise ModelError(
            f"{network.file}: reads {n_leads or 'some'} leads; say in {DESCRIPTION} which, in its "
            "order, under leads, and at how many Hz under fs"
        )
    n_samples = n_samples or round(_SECONDS * said.fs)
    if n_samples > _MAX_SAMPLES:
        raise ModelError(f"{network.file}: reads {n_samples} samples, more than {_MAX_SAMPLES}")
    prepare = partial(_prepared, wanted=said.leads, at=said.fs, n_samples=n_samples)
    seen = model.recordings(prepare, visits(model.release))
    known, blank = seen.known(), np.full(len(seen.record), np.nan)
    y_true = {one: known.get(said.labels.get(one, one), blank) for one in labels}
    y_true |= _listed(model, seen, labels)
    told = _Told.of(network.outputs, network.asked(seen.x), y_true)
    return model.target(
        seen,
        summaries(seen, said.leads),
        signals=tuple(told.y_true),
        membership_signal=told.membership_signal,
        outputs=told.made(),
        y_true=told.y_true,
    )


def _prepared(
    signal: NDArray[np.float32],
    fs: float,
    leads: Sequence[str],
    *,
    wanted: Sequence[str],
    at: float,
    n_samples: int,
) -> Rows:
    """(n_wanted, n_samples) mV from the beginning, at a frequency; what is missing becomes 0."""
    if lacking := [lead for lead in wanted if lead not in leads]:
        raise SignalError(f"has no lead {', '.join(lacking)}")
    n = math.ceil(n_samples / at * fs)
    if signal.shape[1] < n:
        raise SignalError(f"lasts {signal.shape[1] / fs:.4g} s, wanted {n_samples / at:.4g} s")
    ratio = Fraction(at / fs).limit_denominator(1000)
    read = np.nan_to_num(signal[[list(leads).index(lead) for lead in wanted], :n].astype(float))
    found = resample_poly(read, ratio.numerator, ratio.denominator, axis=1)[:, :n_samples]
    return np.pad(found, ((0, 0), (0, n_samples - found.shape[1]))).astype(np.float32)


def _listed(model: ReleasedModel, seen: Recordings, labels: Sequence[str]) -> dict[str, Floats]:
    """What the table of members says is true of each record, of what it has a column for."""
    said, table = model.description, model.members
    if table is None:
        return {}
    named = pd.Index(description.texts(table, said.columns.record))
    place = named.get_indexer(pd.Index(seen.record))
    columns = {one: said.labels.get(one, f"label {one}") for one in labels}
    return {
        one: np.where(place >= 0, description.yes_or_no(table, column)[place], np.nan)
        for one, column in columns.items()
        if column in table
    }


# --- what it gives out --------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Told:
    """What a network gives out of each record.

    Attributes
    ----------
    outputs : kind → (n, d)
    y_true : label → (n,) 1, 0, NaN not known; what is known of anybody comes first
    membership_signal : as `core.target.Target` tells it, of what is known of anybody
    """

    outputs: Mapping[str, Rows]
    y_true: Mapping[str, Floats]
    membership_signal: Callable[[], Floats] | None

    @classmethod
    def of(
        cls, names: Sequence[str], values: Sequence[Rows], y_true: Mapping[str, Floats]
    ) -> _Told:
        """Of outputs by what they are called, and else by what they look like.

        Parameters
        ----------
        y_true : what there is to predict, in the network's order; where it predicts as many other
            things, they are called by their numbers
        """
        outputs: dict[str, Rows] = {}
        for name, one in zip(names, values, strict=True):
            kind = _kind(name, one, y_true)
            if kind in _RISKS and len(y_true) == 1:
                one = _yes(kind, one, y_true)
            if kind in _RISKS and one.shape[1] != len(y_true) and not outputs.keys() & _RISKS:
                y_true = {str(number): np.full(len(one), np.nan) for number in range(one.shape[1])}
            if kind in outputs or (kind in _RISKS and one.shape[1] != len(y_true)):
                kind = "embedding"
            both = [outputs[kind], one] if kind in outputs else [one]
            outputs[kind] = np.hstack(both)[:, :WIDEST]
        known = _known(y_true)
        order = sorted(range(len(y_true)), key=lambda at: list(y_true)[at] not in known)
        for kind in outputs.keys() & _RISKS:
            outputs[kind] = outputs[kind][:, order]
        y_true = {name: y_true[name] for name in (list(y_true)[at] for at in order)}
        if not known or not outputs.keys() & _RISKS:
            return cls(outputs, y_true, None)
        odds = outputs.get("logits")
        if odds is None:
            odds = logit(np.clip(outputs["scores"].astype(np.float64), _SURE, 1 - _SURE))
        each = [log_odds_of(y_true[one], odds[:, at]) for at, one in enumerate(known)]
        return cls(outputs, y_true, lambda: np.stack(each, axis=1))

    def made(self) -> dict[str, Callable[[], Rows]]:
        """The outputs, as a target hands them out."""
        return {name: partial(np.asarray, values) for name, values in self.outputs.items()}


def _kind(name: str, values: Rows, y_true: Mapping[str, Floats]) -> str:
    """Between 0 and 1 are risks; as many numbers as what is known to be true are log-odds."""
    width = values.shape[1]
    called = next((one for one in ("logits", "embedding") if one[:5] in name.lower()), None)
    if called:
        return called
    finite = values[np.isfinite(values).all(axis=1)]
    if len(finite) and finite.min() >= 0 and finite.max() <= 1:
        return "scores" if width <= max(_MOST_TOLD, len(y_true)) else "embedding"
    as_many = width == len(y_true) or (width == 2 and len(y_true) == 1)
    return "logits" if as_many and _known(y_true) else "embedding"


def _yes(kind: str, values: Rows, y_true: Mapping[str, Floats]) -> Rows:
    """(n, 1) of no and yes the yes: of two risks that make up 1, of two log-odds."""
    if values.shape[1] == 2 and kind == "scores":
        sums = values.sum(axis=1)
        return values[:, 1:] if np.allclose(sums[np.isfinite(sums)], 1, atol=1e-3) else values
    if values.shape[1] == 2 and _known(y_true):
        return values[:, 1:] - values[:, :1]
    return values


def _known(y_true: Mapping[str, Floats]) -> list[str]:
    """What is known of anybody."""
    return [name for name, label in y_true.items() if np.isfinite(label).any()]

"""Networks of others under audit: a `.onnx` file, run by onnxruntime.

Such a file is a program. What it may do is bounded before it is loaded: the operators are those of
the standard without its loops, and no tensor lies in another file (onnxruntime would read it from
wherever this program was started). It is read and run in a process of its own, with limits of
memory and time (`onnx_session.py`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
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

from auditor.core.confined import MOST, Arrays, Confined, Ended, Words
from auditor.core.errors import ModelError, SignalError
from auditor.core.target import Floats, Target
from auditor.resources import shown
from auditor.targets import description
from auditor.targets.description import DESCRIPTION
from auditor.targets.model import WIDEST, ReleasedModel, compact, summaries
from auditor.targets.onnx_outputs import Given, Told
from auditor.targets.recordings import Recordings, Rows, visits
from auditor.targets.table import ReadLabel, Table, table_of, truth_of

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
#: What a network may read.
_READ: Mapping[str, type[np.generic]] = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(float16)": np.float16,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
}
#: What it may give out: numbers (small whole ones are numbers that were rounded), maps of classes
#: to risks, and names.
_NUMBERS = (
    *(
        f"tensor({one})"
        for one in ("float", "double", "float16", "int8", "uint8", "int16", "uint16")
    ),
    *(f"seq(map({key},tensor(float)))" for key in ("int64", "string")),
)
_NAMES = tuple(f"tensor({one})" for one in ("int64", "int32", "uint64", "uint32", "bool", "string"))
#: Records that are asked about twice, and by how much of their size answers may differ then.
_AGAIN, _ALIKE = 16, 0.01


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
    if network.keeps and not model.description.outputs:
        raise ModelError(
            f"{network.file}: holds an {network.keeps}, whose support vectors are records of its "
            "training: whoever has the file has them; release a model of another kind, or, where "
            f"the file stays, say in {DESCRIPTION} under outputs what is given out"
        )
    labels = tuple(model.description.labels) or (name,)
    # A table has columns; one lead is a wave without an axis for it.
    if len(network.shape) == 2 and not (model.description.fs and model.description.leads):
        table = table_of(model, {}, network.columns)
        return _of_table(model, network, table, labels)
    return _of_recordings(model, network, labels)


# --- the file -----------------------------------------------------------------------------


class _OddError(ModelError):
    """An output is not what is told of each record."""

    def __init__(self, told: str, output: str) -> None:
        super().__init__(told)
        self.output = output


class _Network:
    """A file that was loaded, in a process of its own.

    Attributes
    ----------
    shape : of its input: how many at once, and what of each; None where any number will do
    columns : what its inputs are called, where each is a column of a table
    outputs, names : what it gives out is called, and what of it is names and no numbers
    thresholds : by column that is read, those of its trees; {} where they are not on columns, None
        where there are no trees
    keeps : which of its operators keeps records of its training; "" where none does
    n_strange : what it gives out besides and is not read
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
        said, cuts = self._told({}, [content], _SECONDS_TO_LOAD + len(content) / _BYTES_A_SECOND)
        if "memory" in said:
            raise ModelError(f"{path.name}: {_TOO_MUCH} to be loaded; export less of it")
        if "error" in said:
            raise ModelError(
                f"{path.name}: onnxruntime cannot load it ({said['error']}); export it again"
            )
        self._doing = "ran it"
        self._read(said["inputs"])
        outputs = {one["name"]: one["type"] for one in said["outputs"]}
        self.outputs = [name for name, kind in outputs.items() if kind in (*_NUMBERS, *_NAMES)]
        self.keeps = str(said["keeps"])
        self.thresholds = _by_column(*cuts) if said["trees"] else None
        self._inside = {*said["leaves"], *said["embeddings"]}
        self.names = [
            name for name in self.outputs if outputs[name] in _NAMES or name in said["leaves"]
        ]
        self.n_strange = len(outputs) - len(self.outputs) + said["n_left"]
        if not self.outputs:
            kinds = ", ".join(list(outputs.values())[:3]) or "none"
            raise ModelError(f"{path.name}: its outputs are {kinds}; wanted numbers of each record")

    def _read(self, given: Sequence[Mapping[str, Any]]) -> None:
        """What it is asked with: one input, or one for each column of a table."""
        axes = [len(one["shape"]) for one in given]
        numbers = bool(given) and all(one["type"] in _READ for one in given)
        columns = len(given) > 1 and all(one["shape"][1:] in ([], [1]) for one in given)
        if not numbers or not (columns or (len(given) == 1 and axes[0] in (2, 3))):
            kinds = [f"{one['type']} of {n} axes" for one, n in zip(given, axes, strict=True)]
            raise ModelError(
                f"{self.file}: its {len(given)} inputs are {', '.join(kinds[:3]) or 'none'}; "
                "wanted one of numbers, (records, columns), (records, leads, samples) or (records, "
                "samples, leads), or one for each column of a table"
            )
        self._inputs = {one["name"]: (_READ[one["type"]], len(one["shape"])) for one in given}
        self.columns = tuple(self._inputs) if columns else ()
        sizes = [*given[0]["shape"][:1], len(given)] if columns else given[0]["shape"]
        self.shape = [one if isinstance(one, int) and one > 0 else None for one in sizes]

    def asked(self, x: Rows) -> list[Given]:
        """What it gives out, at most 2,000 numbers of each record; all NaN of records with gaps
        where it cannot do without.

        Raises
        ------
        ModelError
            It cannot be asked; or answers otherwise when it is asked again.
        """
        while True:
            try:
                return self._asked(x)
            except _OddError as error:
                if error.output not in self._inside:
                    raise
                self.outputs.remove(error.output)  # of what it does inside, and not for us
                self.n_strange += 1

    def _asked(self, x: Rows) -> list[Given]:
        at_once = self.shape[0] or _AT_ONCE
        found = [self._answers(x[at : at + at_once]) for at in range(0, len(x), at_once)]
        again = np.arange(max(min(len(x) // 2, at_once, _AGAIN), 1))[::-1]
        told = []
        for place, name in enumerate(self.outputs):
            parts = [some[place] for some in found]
            classes = parts[0].classes
            if any(one.classes != classes for one in parts):
                raise ModelError(
                    f"{self.file}: gives out other classes of some records; export it without maps "
                    "(zipmap)"
                )
            if name in self.names:
                told.append(_names(name, parts))
                continue
            values = self._finite(name, x, [one.values for one in parts])
            told.append(Given(name, values, classes))
        if len(x):
            for before, after in zip(told, self._answers(x[again]), strict=True):
                self._same(before, before.values[again], after)
        return told

    def _answers(self, some: Rows) -> list[Given]:
        """What it gives out of no more records than it takes at once."""
        given = some
        if self.shape[0]:  # no fewer will do
            given = np.resize(some, (self.shape[0], *some.shape[1:]))
        found = []
        for name, (values, about) in zip(self.outputs, self._run(given), strict=True):
            rows = values[: len(some)]
            texts = tuple(about.get("texts", ()))
            if name in self.names:
                table = rows.reshape(len(rows), -1)
                codes = table[:, :: -(-table.shape[1] // WIDEST)]
                found.append(Given(name, codes, names=True, texts=texts))
            else:
                found.append(Given(name, _flat(rows), tuple(about.get("classes", ()))))
        return found

    def _finite(self, name: str, x: Rows, parts: Sequence[Rows]) -> Rows:
        whole = np.asarray(np.isfinite(x).all(axis=tuple(range(1, x.ndim))))
        values = np.concatenate(parts)
        finite = np.asarray(np.isfinite(values).all(axis=1))
        if not finite[whole].all():
            raise _OddError(f"{self.file}: gives out numbers that are not finite; correct it", name)
        values[~finite] = np.nan
        return values

    def _same(self, told: Given, before: Rows, after: Given) -> None:
        """Nothing is known of a record by an answer that is another one the next time."""
        if told.names:
            one = np.array(told.texts)[before.astype(np.int64)]
            texts = np.array(after.texts)
            other = texts[after.values] if len(texts) else after.values.astype(str)
            alike = bool((one == other).all())
        else:
            size = _ALIKE * float(np.nanstd(told.values)) + _ALIKE * np.abs(before)
            alike = bool((np.isnan(before) | (np.abs(before - after.values) <= size)).all())
        if not alike:
            raise ModelError(
                f"{self.file}: answers otherwise when it is asked about the same records again "
                "(chance, or what is next to them); export it as it is used, not as it is trained"
            )

    def _run(self, given: NDArray[Any]) -> list[tuple[NDArray[Any], Mapping[str, Any]]]:
        words = {"outputs": self.outputs, "inputs": list(self._inputs)}
        said: Mapping[str, Any] = {"memory": True}
        told: list[NDArray[Any]] = []
        if given.nbytes <= MOST:
            feeds = self._feeds(given)
            said, told = self._told(words, feeds, _SECONDS_TO_RUN + _SECONDS_EACH * len(given))
        if "memory" in said:
            if self.shape[0] or len(given) == 1:
                raise ModelError(
                    f"{self.file}: {_TOO_MUCH} for {given.shape} numbers; export less of it"
                )
            half = len(given) // 2
            pairs = zip(self._run(given[:half]), self._run(given[half:]), strict=True)
            return [_joined(one, other) for one, other in pairs]
        if "error" in said:
            raise ModelError(
                f"{self.file}: onnxruntime cannot run it on {given.shape} numbers "
                f"({said['error']}); export it again"
            )
        for name, values in zip(self.outputs, told, strict=True):
            if not values.ndim or len(values) != len(given) or not values.size:
                raise _OddError(
                    f"{self.file}: gives out {values.shape} for {len(given)} records, as "
                    f"{shown(name)}; wanted a row of each; export it without that",
                    name,
                )
        return list(zip(told, said["about"], strict=True))

    def _feeds(self, given: NDArray[Any]) -> list[NDArray[Any]]:
        """Numbers as each of its inputs takes them."""
        parts = given.T if self.columns else [given]
        feeds = []
        for part, (dtype, axes) in zip(parts, self._inputs.values(), strict=True):
            if np.issubdtype(dtype, np.integer):
                if not (np.isnan(part) | (part == np.round(part))).all():
                    raise ModelError(
                        f"{self.file}: reads whole numbers, and is asked about others; name its "
                        f"inputs in {DESCRIPTION}, or export it to read numbers of any kind"
                    )
                if np.isnan(part).any():
                    raise ModelError(
                        f"{self.file}: reads whole numbers, and some are not known; name in "
                        f"{DESCRIPTION} a table of members without gaps"
                    )
            with np.errstate(over="ignore"):
                fed = part.astype(dtype)
            feeds.append(fed[:, None] if self.columns and axes == 2 else fed)
        return feeds

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


def _by_column(place: NDArray[Any], value: NDArray[Any]) -> dict[int, NDArray[Any]]:
    """Every threshold on each column, ascending."""
    return {int(one): np.unique(value[place == one]) for one in np.unique(place)}


def _joined(
    one: tuple[NDArray[Any], Mapping[str, Any]], other: tuple[NDArray[Any], Mapping[str, Any]]
) -> tuple[NDArray[Any], Mapping[str, Any]]:
    """Answers about two parts of some records."""
    (values, about), (more, also) = one, other
    if "texts" in about:
        texts = list(dict.fromkeys([*about["texts"], *also["texts"]]))
        place = np.array([texts.index(text) for text in also["texts"]])
        return np.concatenate([values, place[more]]), {"texts": texts}
    return np.concatenate([values, more]), about if about == also else {"classes": []}


def _names(name: str, parts: Sequence[Given]) -> Given:
    """Names of all records; numbers for texts, the same for the same text."""
    texts = np.unique([text for one in parts for text in one.texts])
    values = [
        np.searchsorted(texts, one.texts)[one.values.astype(np.int64)] if one.texts else one.values
        for one in parts
    ]
    table = np.concatenate(values)
    if not len(texts):  # as texts, for a name may be longer than a number is exact
        texts, table = np.unique(table, return_inverse=True)
    return Given(
        name, table.reshape(sum(map(len, values)), -1).astype(np.float32), names=True,
        texts=tuple(map(str, texts)),
    )  # fmt: skip


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
    absent = set(network.columns) - set(table.columns) if n else ()
    if not n or wanted not in (None, n) or absent:
        how = "as it does" if network.columns else "in its order"
        raise ModelError(
            f"{network.file}: reads {wanted or 'some'} columns, and {n - len(absent)} are known; "
            f"name them in {DESCRIPTION} under inputs, {how}, and under members a table that has "
            "them"
        )
    places = [table.columns.index(one) for one in network.columns or table.columns]
    told = Told.of(
        network.asked(table.inputs[:, places]),
        labels,
        model.description,
        partial(truth_of, model),
    )
    thresholds = None
    if network.thresholds is not None:
        thresholds = {
            places[at]: cuts for at, cuts in network.thresholds.items() if at < len(places)
        }
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
        kinds=told.kinds,
        outputs=told.made(),
        membership_signal=told.membership_signal,
        inputs=table.inputs,
        columns=table.columns,
        thresholds=thresholds,
        unread=told.unread(network.n_strange),
    )


def _of_recordings(model: ReleasedModel, network: _Network, labels: Sequence[str]) -> Target:
    said = model.description
    sizes, n = network.shape[1:], len(said.leads)
    if len(sizes) == 1:
        sizes = [1, *sizes]
    samples_first = n not in (sizes[0], 0) and sizes[1] == n
    n_leads, n_samples = sizes[::-1] if samples_first else sizes
    if said.fs is None or not said.leads or n_leads not in (None, n):
        fewest = min(filter(None, sizes), default="some")
        raise ModelError(
            f"{network.file}: reads {fewest} leads; say in {DESCRIPTION} which, in its order, "
            "under leads, and at how many Hz under fs"
        )
    n_samples = n_samples or round(_SECONDS * said.fs)
    if n_samples > _MAX_SAMPLES:
        raise ModelError(f"{network.file}: reads {n_samples} samples, more than {_MAX_SAMPLES}")
    prepare = partial(_prepared, wanted=said.leads, at=said.fs, n_samples=n_samples)
    seen = model.recordings(prepare, visits(model.release))
    waves = seen.x.swapaxes(1, 2) if samples_first else seen.x
    if len(network.shape) == 2:
        waves = waves[:, 0]
    told = Told.of(network.asked(waves), labels, said, partial(_true_of, model, seen))
    return model.target(
        seen,
        summaries(seen, said.leads),
        signals=tuple(told.y_true),
        membership_signal=told.membership_signal,
        outputs=told.made(),
        y_true=told.y_true,
        kinds=told.kinds,
        unread=told.unread(network.n_strange),
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


def _true_of(
    model: ReleasedModel, seen: Recordings, readers: Mapping[str, ReadLabel]
) -> dict[str, Floats]:
    """What is true of each record: as the table of members says of what it has a column for, and
    else as the recordings' own labels do.
    """
    said, table = model.description, model.members
    known, blank = seen.known(), np.full(len(seen.record), np.nan)
    y_true = {one: known.get(said.labels.get(one, one), blank) for one in readers}
    if table is None:
        return y_true
    named = pd.Index(description.texts(table, said.columns.record))
    place = named.get_indexer(pd.Index(seen.record))
    for one, read in readers.items():
        if (column := said.labels.get(one, f"label {one}")) in table:
            y_true[one] = np.where(place >= 0, read(table, column)[place], np.nan)
    return y_true

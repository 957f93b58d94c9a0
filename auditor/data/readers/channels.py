"""Which signals of a WFDB record are its leads, and where in its files each of them lies.

All of it is told by the headers, before a signal file is opened.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from auditor.core.errors import DataError
from auditor.data.readers.base import MAX_SAMPLES, lead_names, unfiltered
from auditor.data.readers.headers import Header, Signal, n_frames, pieces
from auditor.data.readers.units import is_no_voltage, millivolts

#: What monitors record beside the ECG, often without a unit, which then reads as mV.
_OTHER = re.compile(
    r"(?<![a-z])(?:resp|pleth|ppg|abp|art|bp|cvp|pap|icp|spo2|sao2|so2|e?t?co2|eeg|eog|emg|eda|gsr"
    r"|acc|flow|airflow|marker|hr$)(?![a-z])",
    re.IGNORECASE,
)
_SAYS_ECG = re.compile(r"ecg|ekg", re.IGNORECASE)
#: Taps of the filter that brings a lead to a higher rate, a sample of a frame at that rate.
_TAPS = 20


@dataclass(frozen=True)
class Channel:
    """One lead of a record.

    Attributes
    ----------
    per_frame : samples to a frame
    places : by number of the piece, which signal of it this is, and the factor of its unit to mV
    """

    lead: str
    per_frame: int
    places: Mapping[int, tuple[int, float]]


@dataclass(frozen=True)
class Channels:
    """The leads of a record under names of their own, and what was left out."""

    leads: tuple[Channel, ...]
    defects: tuple[str, ...]
    unread: tuple[str, ...]

    @property
    def per_frame(self) -> int:
        """Samples to a frame of the lead that has most."""
        return max(one.per_frame for one in self.leads)

    @property
    def are_of_one_rate(self) -> bool:
        """Whether all leads have as many samples to a frame."""
        return len({one.per_frame for one in self.leads}) == 1


def channels(parts: tuple[Header, ...]) -> Channels:
    """The signals of a record that are leads.

    Raises
    ------
    DataError
        None is, or they are more than is held at once.
    """
    signals = _signals(parts)
    listed = lead_names([name for name, _ in signals])
    leads: dict[str, Channel] = {}
    kept: list[str] = []
    defects: list[str] = []
    unread: list[str] = []
    for (name, places), lead in zip(signals, listed, strict=True):
        factors = [_factor(signal) for _, _, signal in places]
        strange = any(
            factor is None and not is_no_voltage(signal.unit or "")
            for factor, (_, _, signal) in zip(factors, places, strict=True)
        )
        if not places:
            defects.append("a signal that no segment holds was left out")
        elif not _is_ecg(name, lead) and (strange or any(factors)):
            defects.append("a signal that is no ECG was left out")
        elif strange:
            unread.append("unit")
            defects.append("a signal in a unit that is not understood was left out")
        elif not any(factors):
            defects.append("a signal that is no voltage was left out")
        elif any(_are_copies(name, other) for other in kept):
            defects.append("a second signal of the same lead was left out")
        else:
            kept.append(name)
            own = _numbered(lead, leads, listed)
            if own != lead:
                defects.append("signals that share a name, or have none, were numbered")
            leads[own] = Channel(
                own,
                _per_frame(signal for _, _, signal in places),
                {
                    piece: (column, factor)
                    for factor, (piece, column, _) in zip(factors, places, strict=True)
                    if factor is not None
                },
            )
    if not leads:
        understood = " that is understood" if unread else ""
        raise DataError(f"holds no signal in a unit of voltage{understood}")
    found = Channels(tuple(leads.values()), tuple(defects), tuple(unread))
    # Slower leads are brought to the rate of the fastest: that is what will be held.
    held = n_frames(parts) * len(leads) * found.per_frame
    if max(held, 0 if found.are_of_one_rate else _TAPS * found.per_frame) > MAX_SAMPLES:
        raise DataError(f"larger than the {MAX_SAMPLES:,} samples that are opened at once")
    return found


def _signals(parts: tuple[Header, ...]) -> list[tuple[str, list[tuple[int, int, Signal]]]]:
    """The signals of a record: each its name, and (piece, column, signal line) where it is held.

    Segments of a layout hold its signals by name, the second of a name as the second of that name.
    Without one all hold the same signals: by name where all have the same names, else by place.
    """
    listed = pieces(parts)
    layout = listed[0][0] if listed and listed[0][1] == 0 else None
    named = {tuple(sorted(one.name for one in part.signals)) for part, _ in listed if part}
    by_name = layout is not None or len(named) == 1
    signals: dict[tuple[str, int], tuple[str, list[tuple[int, int, Signal]]]] = {}
    for number, (part, _) in enumerate(listed):
        if part is None:
            continue
        seen: Counter[str] = Counter()
        for column, signal in enumerate(part.signals[: part.n_signals]):
            key = (signal.name, seen[signal.name]) if by_name else ("", column)
            seen[signal.name] += 1
            _, places = signals.setdefault(key, (signal.name, []))
            if part is not layout or len(listed) == 1:
                places.append((number, column, signal))
    return list(signals.values())


def _factor(signal: Signal) -> float | None:
    """From a signal's unit to mV, which is the format's own where none is stated."""
    return 1.0 if signal.unit is None else millivolts(signal.unit)


def _is_ecg(name: str, lead: str) -> bool:
    """Whether a signal is none that is known to be of something else."""
    elsewhere = _OTHER.search(lead)
    return elsewhere is None or (elsewhere.start() > 0 and bool(_SAYS_ECG.search(name)))


def _are_copies(name: str, other: str) -> bool:
    """Whether one of two signals is the other, filtered: nothing else parts their names."""
    one, two = name.strip(), other.strip()
    bare = unfiltered(one)
    return one != two and bare == unfiltered(two) and bare in (one, two)


def _numbered(lead: str, taken: Collection[str], listed: Sequence[str]) -> str:
    """A name that no other signal of the record has."""
    if lead not in taken:
        return lead
    number = 2
    while f"{lead}_{number}" in taken or f"{lead}_{number}" in listed:
        number += 1
    return f"{lead}_{number}"


def _per_frame(signals: Iterable[Signal]) -> int:
    stated = {one.per_frame for one in signals}
    if len(stated) > 1:
        raise DataError("a signal has another rate in another segment")
    (per_frame,) = stated
    if per_frame < 1:
        raise DataError("states a signal of no samples")
    return per_frame


def other_kind(name: str) -> str | None:
    """What a signal that is no ECG is of, in one word of its name; None where it may be a lead."""
    (lead,) = lead_names([name])
    found = _OTHER.search(lead)
    return None if found is None or _is_ecg(name, lead) else found[0]

"""DICOM waveforms, through pydicom: it gives every group of a file and every element of it.

ecgdatakit reads one group of rhythm and a choice of elements. Here the groups that were recorded
at one time are one record, average beats are told apart from them, and every text is told.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auditor.core.errors import DataError
from auditor.data.readers.base import MAX_SAMPLES, READERS
from auditor.data.readers.comments import Facts
from auditor.data.readers.devices import (
    MOST_BYTES,
    Format,
    Head,
    Taken,
    Trace,
    facts_of,
    printable,
)

#: Waveforms in which a heart's leads are: ECG, haemodynamic, electrophysiological.
_CLASS = re.compile(rb"1\.2\.840\.10008\.5\.1\.4\.1\.1\.9\.[123]\.")
_DEFLATED, _BIG_ENDIAN = "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2"
#: What stands for a name that the standard itself gives out, and says nothing of a file.
_STANDARD = "1.2.840.10008."
_BEAT = re.compile(r"median|representative|average|template|typical|beat", re.IGNORECASE)
#: Leads by their number in 11073-10102 and in SCP-ECG.
_LEADS = {
    **{1: "I", 2: "II", 61: "III", 62: "aVR", 63: "aVL", 64: "aVF", 65: "-aVR"},
    **{number: f"V{number - 2}" for number in range(3, 10)},
    **{66: "V8", 67: "V9", 11: "V3R", 12: "V4R", 13: "V5R", 14: "V6R", 15: "V7R"},
    **{16: "X", 17: "Y", 18: "Z"},
}
_CODE = re.compile(r"(?:2:|5\.6\.3-9-)(\d{1,3})")
_TEXT = frozenset(
    {*("AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT"), *("PN", "SH", "ST", "TM"),
     *("UC", "UI", "UR", "UT")}
)  # fmt: skip
#: Bytes that are samples.
_SAMPLES = frozenset(("WaveformData", "WaveformPaddingValue"))
_MOST_HZ = 1e9
#: The elements that say how a file is written stand this far at most.
_FIRST = 4096


def opened(path: Path) -> Any:
    """A file's elements."""
    import pydicom

    # From memory: a file is asked for as many bytes as an element says that it has.
    content = path.read_bytes()
    # What it unpacks to is bounded by nothing in the file, whose first elements name the syntax.
    if _DEFLATED.encode() in content[:_FIRST]:
        raise DataError("is compressed as a whole: write it in another transfer syntax")
    return pydicom.dcmread(BytesIO(content))


def _taken(path: Path) -> Taken:
    from pydicom.config import disable_value_validation

    with disable_value_validation():  # which logs the values
        return _groups(opened(path))


def _groups(whole: Any) -> Taken:
    """The groups of rhythm that were recorded at one time, as one record."""
    defects: list[str] = []
    numbers = [
        number for number, one in enumerate(whole.get("WaveformSequence") or []) if not is_beat(one)
    ]
    groups = [whole.WaveformSequence[number] for number in numbers]
    if any(one.get("WaveformOriginality") == "ORIGINAL" for one in groups):
        kept = [one.get("WaveformOriginality") != "DERIVED" for one in groups]
        numbers = [number for number, keep in zip(numbers, kept, strict=True) if keep]
    if not numbers:
        raise DataError("holds no waveform of rhythm")
    moments = {number: _moment(whole.WaveformSequence[number]) for number in numbers}
    longest = max(numbers, key=lambda number: moments[number][2] / moments[number][1])
    together = [number for number in numbers if moments[number] == moments[longest]]
    if len(together) < len(numbers):
        defects.append("further signals in the file were left out")
    traces = [trace for number in together for trace in _traces(whole, number, moments[longest][2])]
    _, fs, n_frames = moments[longest]
    return Taken(traces, fs, n_frames, _facts(whole), defects)


def is_beat(group: Any) -> bool:
    """Whether a group holds average beats, as its label says."""
    return _BEAT.search(str(group.get("MultiplexGroupLabel", ""))) is not None


def _moment(group: Any) -> tuple[str, Fraction, int]:
    """When a group begins, its rate and its length: what groups of one record have in common."""
    stated = group.get("SamplingFrequency", 0)
    # As a fraction, a number of a few letters, 1e99999999, takes all memory.
    if not 0 < float(stated) <= _MOST_HZ:
        raise DataError("states no sampling frequency that is understood")
    fs = Fraction(str(stated))
    offset = float(group.get("MultiplexGroupTimeOffset") or 0)
    return f"{offset:g}", fs, int(group.NumberOfWaveformSamples)


def _traces(whole: Any, number: int, n_samples: int) -> Iterator[Trace]:
    from pydicom.waveforms.numpy_handler import multiplex_array

    group = whole.WaveformSequence[number]
    n_channels, bits = int(group.NumberOfWaveformChannels), int(group.WaveformBitsAllocated)
    defined = group.get("ChannelDefinitionSequence") or []
    if not 0 < n_channels * n_samples <= MAX_SAMPLES or len(defined) != n_channels:
        raise DataError(f"states no channels, or more than {MAX_SAMPLES:,} samples")
    if len(group.WaveformData) * 8 < n_channels * n_samples * bits:
        raise DataError("is shorter than it states, or its sizes disagree")
    if group.WaveformSampleInterpretation in ("MB", "AB"):
        raise DataError("holds its waveform in a form that is not read")
    raw = multiplex_array(whole, number, as_raw=True)
    pads = bytes(group.get("WaveformPaddingValue") or b"")[: bits // 8]
    pad = np.frombuffer(pads, raw.dtype) if len(pads) == bits // 8 else None
    if str(whole.file_meta.get("TransferSyntaxUID", "")) == _BIG_ENDIAN:
        raw, pad = raw.byteswap(), None if pad is None else pad.byteswap()  # pydicom leaves both

    def physical(
        column: int, gain: float, correction: float, baseline: float
    ) -> NDArray[np.float64]:
        found: NDArray[np.float64] = raw[:, column].astype(np.float64) * gain * correction
        found += baseline
        if pad is not None:
            found[raw[:, column] == pad[0]] = np.nan
        return found

    for column, channel in enumerate(defined):
        units = channel.get("ChannelSensitivityUnitsSequence") or [{}]
        gain = channel.get("ChannelSensitivity")
        correction = channel.get("ChannelSensitivityCorrectionFactor")
        scale = (
            float(gain or 1),
            1.0 if correction is None else float(correction),
            float(channel.get("ChannelBaseline") or 0),
        )
        yield Trace(
            _name(channel),
            str(units[0].get("CodeValue", "")) if gain else "",
            lambda column=column, scale=scale: physical(column, *scale),  # type: ignore[misc]
            scale=" ".join(f"{one:g}" for one in scale),
        )


def _name(channel: Any) -> str:
    """A lead by its code, by what its code means, or by its label."""
    source = (channel.get("ChannelSourceSequence") or [{}])[0]
    code, meaning = (str(source.get(one, "")) for one in ("CodeValue", "CodeMeaning"))
    number = _CODE.fullmatch(code)
    if number and (lead := _LEADS.get(int(number[1]))):
        return lead
    if code.upper().startswith("MDC_ECG_LEAD_"):
        return code
    return meaning.partition(",")[0] or str(channel.get("ChannelLabel", ""))


def _facts(whole: Any) -> Facts:
    def said(name: str) -> str:
        value = whole.get(name)
        return "" if value is None else re.sub(r"(?<=\d)[+-]\d{4}$", "", str(value).strip())

    # A time of day without seconds, or of an hour, is not of DICOM's compact form.
    taken = [said("AcquisitionDateTime")]
    for one in ("Acquisition", "Content", "Study"):
        time = re.sub(r"\D.*", "", said(f"{one}Time"))
        taken.append(said(f"{one}Date") + (time if len(time) == 6 else ""))
    return facts_of(
        person=said("PatientID"),
        ages=[(said("PatientAge"), "")],
        sex=said("PatientSex"),
        born=said("PatientBirthDate"),
        taken=[one if len(one.partition(".")[0]) in (0, 8, 12, 14) else one[:8] for one in taken],
    )


def _told(path: Path) -> list[tuple[str, str]]:
    from pydicom.config import disable_value_validation

    with path.open("rb") as file:
        preamble = file.read(128)
    with disable_value_validation():
        whole = opened(path)
        return [
            *(("preamble", text) for text in printable(preamble)),
            *_texts(whole.file_meta, ""),
            *_texts(whole, ""),
        ]


def _texts(elements: Any, above: str) -> Iterator[tuple[str, str]]:
    """Every element of text, and what is text in bytes of no known kind, at any depth."""
    for element in elements:
        tag = element.tag
        name = element.keyword or f"private ({tag.group:04x},{tag.element:04x})"
        where = f"{above}/{name}" if above else name
        if element.VR == "SQ":
            for item in element.value or []:
                yield from _texts(item, name)
        elif element.VR in _TEXT and element.value is not None:
            values = element.value if element.VM > 1 else [element.value]
            yield from ((where, str(one)) for one in values if not str(one).startswith(_STANDARD))
        elif isinstance(element.value, bytes) and name not in _SAMPLES:
            yield from ((where, text) for text in printable(element.value))


def _is_dicom(head: Head) -> bool:
    return head.start[128:132] == b"DICM" and _CLASS.search(head.start, 132) is not None


READERS.register("dicom")(
    Format("DICOM waveforms (.dcm)", (".dcm", ".dicom"), _is_dicom, _taken, _told, MOST_BYTES)
)

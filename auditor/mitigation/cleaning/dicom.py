"""DICOM waveforms, after the basic profile of PS3.15, Annex E.

Its actions are taken for what objects of waveforms hold: X removes, Z empties, D and U replace, K
keeps. The profile lists what has to go; here what is not listed goes too, private elements and
whatever later editions add among them. Kept are modified dates, option 113107, and numbers about
the signals; texts are replaced by words of this file or by codes.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from io import BytesIO
from typing import Any

from auditor.data.readers.dicom import is_beat, opened
from auditor.mitigation.cleaning.base import (
    CLEANERS,
    OLDEST,
    Cleaner,
    Piece,
    Said,
    Task,
    is_plain,
    signal_name,
)

_SEXES = {None: "", "male": "M", "female": "F"}
#: Of the whole object → action. Elements that the standard wants, if empty, are Z.
_ACTIONS = {
    **dict.fromkeys(("SpecificCharacterSet", "SOPClassUID", "Modality"), "K"),
    **dict.fromkeys(("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"), "U"),
    **dict.fromkeys(("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate"), "D"),
    **dict.fromkeys(("StudyTime", "SeriesTime", "AcquisitionTime", "ContentTime"), "D"),
    **dict.fromkeys(("AcquisitionDateTime", "PatientID", "PatientSex", "PatientAge"), "D"),
    **dict.fromkeys(("PatientName", "PatientBirthDate", "ReferringPhysicianName"), "Z"),
    **dict.fromkeys(("StudyID", "AccessionNumber", "SeriesNumber", "Manufacturer"), "Z"),
    "InstanceNumber": "D",
}
#: Elements of type 2: an object of the standard has them, though they say nothing.
_WANTED = (
    *("PatientName", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "StudyID"),
    *("AccessionNumber", "ReferringPhysicianName", "SeriesNumber", "Manufacturer"),
)
#: Numbers and codes about signals, by the sequence that holds them.
_GROUP = frozenset(
    {
        *("MultiplexGroupTimeOffset", "WaveformOriginality", "NumberOfWaveformChannels"),
        *("NumberOfWaveformSamples", "SamplingFrequency", "WaveformBitsAllocated"),
        *("WaveformSampleInterpretation", "WaveformPaddingValue", "WaveformData"),
    }
)
_CHANNEL = frozenset(
    {
        *("WaveformBitsStored", "ChannelSensitivity", "ChannelSensitivityCorrectionFactor"),
        *("ChannelBaseline", "ChannelTimeSkew", "ChannelSampleSkew", "ChannelOffset"),
        *("ChannelMinimumValue", "ChannelMaximumValue", "FilterLowFrequency"),
        *("FilterHighFrequency", "NotchFilterFrequency", "NotchFilterBandwidth"),
        *("ChannelStatus", "WaveformChannelNumber"),
    }
)
_CODES = ("ChannelSourceSequence", "ChannelSensitivityUnitsSequence")
#: Schemes whose codes the standard gives out.
_SCHEMES = frozenset(("SCPECG", "MDC", "UCUM", "DCM", "SCT", "SRT", "LN"))
_CODE = re.compile(r"[\w.:/%^-]{1,32}")
_ANNOTATION = frozenset(
    {
        *("ReferencedWaveformChannels", "AnnotationGroupNumber", "NumericValue"),
        *("TemporalRangeType", "ReferencedSamplePositions"),
    }
)
_ANNOTATION_CODES = ("ConceptNameCodeSequence", "MeasurementUnitsCodeSequence")
#: Of PS3.16, CID 7050.
_METHOD = (
    ("113100", "Basic Application Confidentiality Profile"),
    ("113107", "Retain Longitudinal Temporal Information Modified Dates Option"),
)


def _pieces(task: Task, count: Counter[str]) -> Iterator[Piece]:
    from pydicom.config import disable_value_validation

    with disable_value_validation():
        content = _file(task, opened(task.path), count)
    yield Piece(task.said.name, [content])


def _file(task: Task, old: Any, count: Counter[str]) -> bytes:
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import UID

    new = Dataset()
    for keyword, action in _ACTIONS.items():
        if keyword not in old and keyword not in _WANTED:
            continue
        if action == "K":
            new[keyword] = old[keyword]
            continue
        value: str | None = ""
        if action == "U":
            value = task.key.uid(str(old[keyword].value))
        elif action == "D":
            value = _replaced(keyword, task.said)
        if value or keyword in _WANTED:
            setattr(new, keyword, value or None)
    new.PatientID = task.said.subject
    if "SOPInstanceUID" not in new:
        new.SOPInstanceUID = UID(task.key.uid(task.record))
    new.PatientIdentityRemoved = "YES"
    new.DeidentificationMethodCodeSequence = [_code(*one, "DCM") for one in _METHOD]
    new.AcquisitionContextSequence = []
    new.LongitudinalTemporalInformationModified = "MODIFIED" if task.said.day else "REMOVED"
    new.WaveformSequence = [_group(one, count) for one in old.WaveformSequence]
    notes = [_annotation(one, count) for one in old.get("WaveformAnnotationSequence") or []]
    if kept := [one for one in notes if one is not None]:
        new.WaveformAnnotationSequence = kept
    count["elements about people, places and equipment"] += sum(
        one.keyword not in new for one in old
    )
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = old.SOPClassUID
    meta.MediaStorageSOPInstanceUID = new.SOPInstanceUID
    meta.TransferSyntaxUID = old.file_meta.TransferSyntaxUID
    new.file_meta = meta
    held = BytesIO()
    new.save_as(held, enforce_file_format=True)
    return held.getvalue()


def _replaced(keyword: str, said: Said) -> str | None:
    """What a copy says in an element; None where it has none."""
    if keyword.endswith("DateTime"):
        return said.when("%Y%m%d000000") or None
    if keyword.endswith("Date"):
        return said.when("%Y%m%d") or None
    if keyword.endswith("Time"):
        return "000000" if said.day else None
    if keyword == "PatientAge":
        # An age over 89 has no form of its own here: the table tells it.
        whole = said.age is not None and 1 <= said.age <= OLDEST
        return f"{int(said.age or 0):03d}Y" if whole else None
    if keyword == "InstanceNumber":
        return "1"
    return _SEXES[said.sex] if keyword == "PatientSex" else said.subject


def _code(value: str, meaning: str, scheme: str) -> Any:
    from pydicom.dataset import Dataset

    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, scheme, meaning
    return code


def _codes(items: Any, count: Counter[str], named: str = "") -> list[Any]:
    """Codes that a standard gives out, each with its code as what it means, or with a lead."""
    kept = []
    for one in items or []:
        value, scheme = (str(one.get(key, "")) for key in ("CodeValue", "CodingSchemeDesignator"))
        if scheme in _SCHEMES and _CODE.fullmatch(value):
            kept.append(_code(value, named or value, scheme))
        else:
            count["codes of makers"] += 1
            if named:  # a lead whose code is a maker's own is known by its name
                kept.append(_code("5.6.3-9-0", named, "SCPECG"))
    return kept


def _group(old: Any, count: Counter[str]) -> Any:
    from pydicom.dataset import Dataset

    new = Dataset()
    _keep(old, new, _GROUP, count)
    if "MultiplexGroupLabel" in old:
        # Readers tell average beats by it.
        new.MultiplexGroupLabel = "MEDIAN BEAT" if is_beat(old) else "RHYTHM"
    new.ChannelDefinitionSequence = [
        _channel(one, place, count)
        for place, one in enumerate(old.get("ChannelDefinitionSequence") or [], 1)
    ]
    return new


def _channel(old: Any, place: int, count: Counter[str]) -> Any:
    from pydicom.dataset import Dataset

    new = Dataset()
    _keep(old, new, _CHANNEL, count)
    source = (old.get("ChannelSourceSequence") or [{}])[0]
    meaning = str(source.get("CodeMeaning", "")).partition(",")[0]
    stated = meaning or str(old.get("ChannelLabel", "")) or f"ch{place}"
    name = signal_name(stated, place, Counter())
    for keyword in _CODES:
        if keyword in old:
            named = name if keyword == _CODES[0] else ""
            setattr(new, keyword, _codes(old[keyword].value, count, named))
    if "ChannelLabel" in old:
        new.ChannelLabel = name[:16]
    return new


def _annotation(old: Any, count: Counter[str]) -> Any | None:
    """A measurement by its codes; None for what is said in words."""
    from pydicom.dataset import Dataset

    if "ConceptNameCodeSequence" not in old or "UnformattedTextValue" in old:
        count["annotation notes"] += 1
        return None
    new = Dataset()
    _keep(old, new, _ANNOTATION, count)
    for keyword in _ANNOTATION_CODES:
        if keyword in old and (codes := _codes(old[keyword].value, count)):
            setattr(new, keyword, codes)
    return new if "ConceptNameCodeSequence" in new else None


def _keep(old: Any, new: Any, known: frozenset[str], count: Counter[str]) -> None:
    for element in old:
        if element.keyword not in known:
            continue
        value = element.value
        said = [value] if isinstance(value, str) else value if element.VM > 1 else []
        words = [one for one in said if isinstance(one, str)]
        hidden = isinstance(value, bytes) and element.keyword != "WaveformData" and len(value) > 8
        if hidden or not all(map(is_plain, words)):
            count["words about signals"] += 1
        else:
            new[element.keyword] = element


CLEANERS.register("dicom")(Cleaner(_pieces, ".dcm"))

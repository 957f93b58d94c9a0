"""HL7 aECG, Philips, GE MUSE and CardioSoft, Mortara ELI: a document of the same kind, with the
samples of the old one and what may be told of the person.

Of the old document the parts about signals are taken, of these the elements that are known, and of
their values numbers, codes and names of leads. Comments, document types and all else are left out.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement, tostring

from auditor.core.record import STANDARD_LEADS
from auditor.data.readers.xml import tree
from auditor.mitigation.cleaning.base import CLEANERS, Cleaner, Piece, Said, Task, is_plain

_XSI = "http://www.w3.org/2001/XMLSchema-instance"
#: Sizes, versions and bands, which are written with several points and signs.
_BAND = re.compile(r"\d{1,4}(?:\.\d{1,3})?-\d{1,4}(?:\.\d{1,3})?")
_VERSION = re.compile(r"\d{1,2}(?:\.\d{1,2}){1,2}")
_STAMP = re.compile(r"\d{8}(?:\d{2,6})?(?:\.\d{1,6})?(?:[+-]\d{4})?")
_LEAD_NAMES = frozenset(one.casefold() for one in STANDARD_LEADS)
#: Schemes of codes that HL7, LOINC and IEEE 11073 give out, by their OIDs.
_SCHEMES = re.compile(r"2\.16\.840\.1\.113883\.(?:5\.\d{1,4}|6\.(?:1|12|24))")


@dataclass(frozen=True)
class _Kept:
    """What is taken from an old document.

    Attributes
    ----------
    tags : elements
    samples : elements and attributes, `tag` or `tag@attribute`, that are taken as they are
    """

    tags: frozenset[str]
    samples: frozenset[str]

    def of(self, old: Element, said: Said, count: Counter[str]) -> Element:
        """An element with what is known in it."""
        tag = str(old.tag)
        new = Element(tag)
        for name, value in old.attrib.items():
            if f"{tag}@{name}" in self.samples:
                new.set(name, value)
            elif (kept := _value(value, f"{tag}@{name}", said, count)) is not None:
                new.set(f"xsi:{name}" if name == "type" else name, kept)
        if tag in self.samples:
            new.text = old.text
        elif old.text and old.text.strip():
            new.text = _value(old.text.strip(), tag, said, count)
        for one in old:
            if one.tag in self.tags:
                new.append(self.of(one, said, count))
            else:
                count["elements about people, places and equipment"] += 1
        return new


def _value(value: str, where: str, said: Said, count: Counter[str]) -> str | None:
    """A value that may be told: a day in place of a time, or a number, a code, names of leads."""
    if _STAMP.fullmatch(value) and where.endswith("@value"):
        return said.when("%Y%m%d000000") or None
    if where.endswith("@codeSystem"):
        return value if _SCHEMES.fullmatch(value) else None
    if where.endswith(("@displayName", "@codeSystemName")):
        return None
    leads = all(one.casefold() in _LEAD_NAMES for one in value.split())
    version = where.endswith("version") and _VERSION.fullmatch(value)
    if leads or version or _BAND.fullmatch(value) or is_plain(value, where):
        return value
    count["words about signals"] += 1
    return None


def _cleaner(
    build: Callable[[Element, Task, Counter[str]], Element],
) -> Callable[[Task, Counter[str]], Iterator[Piece]]:
    def pieces(task: Task, count: Counter[str]) -> Iterator[Piece]:
        old, remarks = tree(task.path)
        count["comments"] += len(remarks)
        new = build(old, task, count)
        document = b'<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(new, encoding="utf-8")
        yield Piece(task.said.name, [document])

    return pieces


def _path(top: Element, path: str, text: str = "", /, **attributes: str) -> Element:
    """An element at a path, whose elements are made where they lack, but for the last."""
    *above, last = path.split("/")
    for tag in above:
        found = top.find(tag)
        top = SubElement(top, tag) if found is None else found
    made = SubElement(top, last, attributes)
    made.text = text or None
    return made


def _others(old: Element, taken: Collection[str], count: Counter[str]) -> None:
    """Count what of the outermost element is not taken."""
    count["elements about people, places and equipment"] += sum(one.tag not in taken for one in old)


# ---- HL7 aECG

_AECG = _Kept(
    frozenset(
        {
            *("component", "series", "code", "effectiveTime", "low", "high", "center", "value"),
            *("sequenceSet", "sequence", "origin", "scale", "digits", "head", "increment"),
            *("derivation", "derivedSeries", "controlVariable"),
        }
    ),
    frozenset({"digits"}),
)


def _aecg(old: Element, task: Task, count: Counter[str]) -> Element:
    said = task.said
    new = Element("AnnotatedECG", {"xmlns": "urn:hl7-org:v3", "xmlns:xsi": _XSI})
    _path(new, "id", root=task.key.uid(task.record))
    _path(new, "code", code="93000", codeSystem="2.16.840.1.113883.6.12")
    if said.day:
        _path(new, "effectiveTime/center", value=said.when("%Y%m%d000000"))
    subject = "componentOf/timepointEvent/componentOf/subjectAssignment/subject/trialSubject"
    _path(new, f"{subject}/id", root=task.key.uid("subjects"), extension=said.subject)
    if said.sex:
        code = {"female": "F", "male": "M"}[said.sex]
        place = f"{subject}/subjectDemographicPerson/administrativeGenderCode"
        _path(new, place, code=code, codeSystem="2.16.840.1.113883.5.1")
    if said.age is not None:
        age = _path(new, "controlVariable/relatedObservation")
        _path(age, "code", code="21612-7", codeSystem="2.16.840.1.113883.6.1")
        _path(age, "value", **{"xsi:type": "PQ", "value": f"{said.age:g}", "unit": "a"})
    for one in old.iterfind("component"):
        new.append(_AECG.of(one, said, count))
    _others(old, frozenset({"id", "code", "effectiveTime", "component"}), count)
    return new


# ---- Philips

_PHILIPS = _Kept(
    frozenset(
        {
            *("parsedwaveforms", "repbeats", "repbeat", "waveform", "signalcharacteristics"),
            *("samplingrate", "resolution", "signalresolution", "hipass", "lowpass", "acsetting"),
            *("notchfiltered", "notchfilterfreqs", "acquisitiontype", "bitspersample"),
            *("signaloffset", "signalsigned", "numberchannelsallocated", "numberchannelsvalid"),
            *("electrodeplacement", "signalbandwidth", "leadset", "filtersetting"),
        }
    ),
    frozenset({"parsedwaveforms", "repbeat", "waveform"}),
)


def _philips(old: Element, task: Task, count: Counter[str]) -> Element:
    said = task.said
    new = Element("restingecgdata")
    for name in ("documenttype", "documentversion"):
        stated = (old.findtext(f"documentinfo/{name}") or "").strip()
        kept = _value(stated, name, said, count) if stated else None
        _path(new, f"documentinfo/{name}", kept or "")
    day = {"date": said.when("%Y-%m-%d"), "time": "00:00:00"} if said.day else {}
    acquired = SubElement(new, "dataacquisition", day)
    for one in old.iterfind("dataacquisition/signalcharacteristics"):
        acquired.append(_PHILIPS.of(one, said, count))
    person = "patient/generalpatientdata"
    _path(new, f"{person}/patientid", said.subject)
    if said.age is not None:
        _path(new, f"{person}/age/years", f"{said.age:g}")
    if said.sex:
        _path(new, f"{person}/sex", said.sex.capitalize())
    waveforms = SubElement(new, "waveforms")
    for tag in ("parsedwaveforms", "repbeats"):
        for one in old.iter(tag):
            waveforms.append(_PHILIPS.of(one, said, count))
    _others(old, frozenset({"waveforms", "parsedwaveforms"}), count)
    return new


# ---- GE MUSE

_MUSE = _Kept(
    frozenset(
        {
            *("WaveformType", "WaveformStartTime", "NumberofLeads", "SampleType", "SampleBase"),
            *("SampleExponent", "HighPassFilter", "LowPassFilter", "ACFilter", "LeadData"),
            *("LeadByteCountTotal", "LeadTimeOffset", "LeadSampleCountTotal", "LeadSampleSize"),
            *("LeadAmplitudeUnitsPerBit", "LeadAmplitudeUnits", "LeadHighLimit", "LeadLowLimit"),
            *("LeadID", "LeadOffsetFirstSample", "FirstSampleBaseline", "LeadOff"),
            *("BaselineSway", "LeadDataCRC32", "WaveFormData", "VentricularRate", "AtrialRate"),
            *("PRInterval", "QRSDuration", "QTInterval", "QTCorrected", "PAxis", "RAxis", "TAxis"),
            *("QRSCount", "QOnset", "QOffset", "POnset", "POffset", "TOffset", "ECGSampleBase"),
            *("ECGSampleExponent", "QTcFrederica"),
        }
    ),
    frozenset({"WaveFormData"}),
)


def _muse(old: Element, task: Task, count: Counter[str]) -> Element:
    said = task.said
    new = Element(str(old.tag))
    person, test = "PatientDemographics", "TestDemographics"
    _path(new, f"{person}/PatientID", said.subject)
    if said.age is not None:
        _path(new, f"{person}/PatientAge", f"{said.age:g}")
        _path(new, f"{person}/AgeUnits", "YEARS")
    if said.sex:
        _path(new, f"{person}/Gender", said.sex.upper())
    if said.day:
        _path(new, f"{test}/AcquisitionDate", said.when("%m-%d-%Y"))
        _path(new, f"{test}/AcquisitionTime", "00:00:00")
    parts = ("RestingECGMeasurements", "Waveform")
    for one in old:
        if one.tag in parts:
            new.append(_MUSE.of(one, said, count))
    _others(old, frozenset(parts), count)
    return new


# ---- Mortara ELI

_ELI = _Kept(
    frozenset({"CHANNEL", "TYPICAL_CYCLE", "TYPICAL_CYCLE_CHANNEL"}),
    frozenset({"CHANNEL@DATA", "TYPICAL_CYCLE_CHANNEL@DATA"}),
)


def _eli(old: Element, task: Task, count: Counter[str]) -> Element:
    said = task.said
    new = Element("ECG", {"ACQUISITION_TIME": said.when("%Y%m%d000000")})
    if said.age is not None:
        new.set("AGE", f"{said.age:g}")
        new.set("AGE_UNITS", "YEARS")
    sex = {"female": "FEMALE", "male": "MALE", None: ""}[said.sex]
    SubElement(new, "SUBJECT", {"ID": said.subject, "GENDER": sex})
    for one in old:
        if one.tag in _ELI.tags:
            new.append(_ELI.of(one, said, count))
    _others(old, _ELI.tags, count)
    count["elements about people, places and equipment"] += len(old.attrib)
    return new


# ---- GE CardioSoft

_CARDIOSOFT = _Kept(
    frozenset(
        {"NumberOfLeads", "SampleRate", "ChannelSampleCountTotal", "Resolution", "WaveformData"}
    ),
    frozenset({"WaveformData"}),
)
_UNITS = re.compile(r"hz|[um]vperlsb", re.IGNORECASE)


def _cardiosoft(old: Element, task: Task, count: Counter[str]) -> Element:
    said = task.said
    new = Element(str(old.tag))
    for name, form in (("Year", "%Y"), ("Month", "%m"), ("Day", "%d")):
        if said.day:
            _path(new, f"ObservationDateTime/{name}", said.when(form))
    _path(new, "PatientInfo/PID", said.subject)
    if said.age is not None:
        _path(new, "PatientInfo/Age", f"{said.age:g}", units="years")
    if said.sex:
        _path(new, "PatientInfo/Gender", said.sex.upper())
    for strip in old.iter("StripData"):
        kept = _CARDIOSOFT.of(strip, said, count)
        for tag in ("SampleRate", "Resolution"):
            stated, written = strip.find(tag), kept.find(tag)
            units = "" if stated is None else stated.get("units", "")
            if written is not None and _UNITS.fullmatch(units):
                written.set("units", units)
        new.append(kept)
    _others(old, frozenset({"StripData"}), count)
    return new


_BUILD = {
    "aecg": _aecg, "philips": _philips, "muse": _muse, "eli": _eli, "cardiosoft": _cardiosoft,
}  # fmt: skip
for _name, _build in _BUILD.items():
    CLEANERS.register(_name)(Cleaner(_cleaner(_build), ".xml"))

"""HL7 aECG, Philips, GE MUSE, GE CardioSoft and Mortara ELI: recordings as XML.

No entity is ever read and nothing is fetched. ecgdatakit is handed a plain copy of what defusedxml
accepted, without namespaces, declarations and comments, and gives the signals of it; what a file
says of the person is read here, so that what is there and not understood can be counted.

ecgdatakit knows no CardioSoft, whose samples are numbers between commas: they are read here, as the
UK Biobank holds them (field 20205) and BRAVEHEART's `load_cardiosoftxml.m` reads them.
"""

from __future__ import annotations

import re
import tempfile
from base64 import b64decode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError, TreeBuilder, tostring

import numpy as np
from numpy.typing import NDArray

from auditor.core.errors import DataError
from auditor.data.readers.base import READERS
from auditor.data.readers.comments import Facts
from auditor.data.readers.devices import (
    Format,
    Head,
    Taken,
    Trace,
    facts_of,
    parsed,
    taken_from,
)

#: A recording of ten seconds takes half a megabyte. Elements take many times their text.
_MAX_BYTES = 32_000_000
#: What the compressed waveforms of Philips may unpack to, bytes: 12 leads of minutes.
_MAX_UNPACKED = 10_000_000


@dataclass(frozen=True)
class _Dialect:
    """One of the families.

    Attributes
    ----------
    parser : of ecgdatakit, `module.Class`
    signals : elements and attributes that hold samples, `tag` or `tag@attribute`
    facts : what a file says of the person
    check : refuses what ecgdatakit is not to be handed
    """

    parser: str
    signals: frozenset[str]
    facts: Callable[[Element], Facts]
    check: Callable[[Element], None] = lambda root: None

    def taken(self, path: Path) -> Taken:
        """What a file holds."""
        root, _ = tree(path)
        self.check(root)
        with tempfile.TemporaryDirectory(prefix="auditor-") as folder:
            plain = Path(folder, "record.xml")
            plain.write_bytes(tostring(root, encoding="utf-8"))
            record, notes = parsed(self.parser, plain)
        # ecgdatakit gives whole rates, and the exact one of aECG beside them.
        exact = record.raw_metadata.get("rhythm_time", {}).get("sampling_rate_exact")
        rates = [_rate(exact or one.sampling_rate) for one in record.leads]
        return taken_from(record.leads, rates, facts=self.facts(root), defects=notes)

    def told(self, path: Path) -> list[tuple[str, str]]:
        """Whatever a file says."""
        root, remarks = tree(path)
        return [*_texts(root, self.signals), *(("comment", one) for one in remarks)]


class _Builder(TreeBuilder):
    """A tree, and the comments around it, which tell of people too."""

    def __init__(self) -> None:
        super().__init__()
        self.remarks: list[str] = []

    def comment(self, text: str | None) -> None:  # type: ignore[override]
        """A comment."""
        self.remarks.append(text or "")

    def pi(self, target: str, text: str | None = None) -> None:  # type: ignore[override]
        """A processing instruction."""
        self.remarks.append(f"{target} {text or ''}")


def tree(path: Path) -> tuple[Element, list[str]]:
    """XML as a tree without namespaces, and its comments.

    A document type may be named, as MUSE does; it is not fetched, and declares no entity.
    """
    from defusedxml import DefusedXmlException

    raw = path.read_bytes()
    try:
        try:
            root, remarks = _built(raw)
        except ParseError:
            # Text of another encoding than is declared, or than UTF-8 where none is.
            text = raw.removeprefix(b"\xef\xbb\xbf").decode("cp1252", "replace")
            root, remarks = _built(re.sub(r"\A\s*<\?xml[^>]*\?>", "", text))
    except DefusedXmlException:
        raise DataError("declares entities, which are never read") from None
    except (ParseError, ValueError, LookupError):
        raise DataError("is no whole XML document") from None
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        if any("}" in name for name in element.attrib):
            said = {name.rpartition("}")[2]: value for name, value in element.attrib.items()}
            element.attrib.clear()
            element.attrib.update(said)
    return root, remarks


def _built(document: bytes | str) -> tuple[Element, list[str]]:
    from defusedxml.ElementTree import DefusedXMLParser

    builder = _Builder()
    parser = DefusedXMLParser(target=builder)
    parser.feed(document)
    root: Element = parser.close()
    return root, builder.remarks


def _texts(root: Element, signals: frozenset[str]) -> Iterator[tuple[str, str]]:
    """Every text and every value of an attribute, but for samples."""
    waiting = [(root, "")]
    while waiting:
        element, above = waiting.pop()
        tag = str(element.tag)
        place = f"{above}/{tag}" if above else tag
        if tag not in signals and element.text:
            yield place, element.text
        if element.tail:
            yield above, element.tail
        for name, value in element.attrib.items():
            if f"{tag}@{name}" not in signals:
                yield f"{place}@{name}", value
        waiting += [(one, tag) for one in reversed(element)]


def _rate(rate: float) -> Fraction:
    return Fraction(rate).limit_denominator(1_000_000)


def _said(root: Element, *places: str) -> str:
    """The first that is given of the texts of elements, `path`, and attributes, `path@name`."""
    for place in places:
        path, at, name = place.partition("@")
        for element in [root] if not path else root.iterfind(path):
            text = (element.get(name) if at else element.text) or ""
            if text.strip():
                return text.strip()
    return ""


def _aecg_facts(root: Element) -> Facts:
    person = ".//subjectDemographicPerson"
    # The root says by whom the extension was given out: alone, it may be of two people.
    given = root.find(".//trialSubject/id")
    names = [] if given is None else [given.get(one, "") for one in ("root", "extension")]
    ages = [
        (_said(one, "value@value", "value"), _said(one, "value@unit"))
        for one in root.iterfind(".//relatedObservation")
        if _said(one, "code@code") == "21612-7"  # LOINC: age as reported
    ]
    sex = _said(root, f"{person}/administrativeGenderCode@code")
    ends = ("low", "center", "high")
    times = [f"component/series/effectiveTime/{end}@value" for end in ends]
    times += [f"effectiveTime/{end}@value" for end in ends] + ["effectiveTime@value"]
    return facts_of(
        person=" ".join(names),
        ages=ages,
        sex="other" if sex == "UN" else sex,  # undifferentiated
        born=_without_zone(_said(root, f"{person}/birthTime@value")),
        taken=[_without_zone(_said(root, place)) for place in times],
    )


def _without_zone(stamp: str) -> str:
    """A time as it was where the recording was made."""
    return re.sub(r"(?<=\d)[+-]\d{4}$", "", stamp)


def _philips_facts(root: Element) -> Facts:
    person = "patient/generalpatientdata"
    ages = [
        (one.text or "", str(one.tag))
        for one in root.iterfind(f"{person}/age/*")
        if one.tag != "dateofbirth"
    ]
    date, time = (_said(root, f"dataacquisition@{one}") for one in ("date", "time"))
    return facts_of(
        person=_said(root, f"{person}/patientid"),
        ages=ages,
        sex=_said(root, f"{person}/sex"),
        born=_said(root, f"{person}/age/dateofbirth", f"{person}/dateofbirth"),
        taken=[f"{date} {time}".strip()],
    )


def _philips_check(root: Element) -> None:
    """Compressed waveforms that would unpack to more than a recording holds are not unpacked."""
    from ecgdatakit.parsing.codecs.lzw import LzwDecoder

    left = _MAX_UNPACKED
    for element in root.iter("parsedwaveforms"):
        if "XLI" not in (value.upper() for value in element.attrib.values()):
            continue
        data = b64decode("".join((element.text or "").split()))
        while len(data) >= 8 and (size := int.from_bytes(data[:4], "little")):
            decoder = LzwDecoder(data[8 : 8 + size], bits=10)
            while decoder.read() >= 0:
                left -= 1
                if left < 0:
                    raise DataError("its waveforms unpack to more than is held at once")
            data = data[8 + size :]


def _muse_facts(root: Element) -> Facts:
    person, test = "PatientDemographics", "TestDemographics"
    date, time = (_said(root, f"{test}/Acquisition{one}") for one in ("Date", "Time"))
    return facts_of(
        person=_said(root, f"{person}/PatientID"),
        ages=[(_said(root, f"{person}/PatientAge"), _said(root, f"{person}/AgeUnits").lower())],
        sex=_said(root, f"{person}/Gender"),
        born=_said(root, f"{person}/DateofBirth"),
        taken=[f"{date} {time}".strip()],
    )


def _eli_facts(root: Element) -> Facts:
    asked = {
        _said(one, "@ID"): (_said(one, "@VALUE"), _said(one, "@UNITS"))
        for one in root.iterfind("DEMOGRAPHIC_FIELDS/DEMOGRAPHIC_FIELD")
    }
    none = ("", "")
    # The labels of these fields are in the device's language; their numbers are not.
    age, sex, born = (asked.get(number, none) for number in ("3", "4", "16"))
    births = (_said(root, "SUBJECT@DOB_XML"), _said(root, "SUBJECT@DOB"), born[0])
    return facts_of(
        person=_said(root, "SUBJECT@ID"),
        ages=[(_said(root, "@AGE"), _said(root, "@AGE_UNITS").lower()), (age[0], age[1].lower())],
        sex=_said(root, "SUBJECT@GENDER") or sex[0],
        born=next((one for one in births if one.strip("0-/ ")), ""),
        taken=[_said(root, "@ACQUISITION_TIME_XML"), _said(root, "@ACQUISITION_TIME")],
    )


#: Elements of CardioSoft that hold samples.
_STRIPS = frozenset({"WaveformData", "FullDisclosureData"})
_OBSERVED, _BORN = "ObservationDateTime", "PatientInfo/BirthDateTime"


def _cardiosoft_taken(path: Path) -> Taken:
    """The rhythm of a file: its first strip."""
    root, _ = tree(path)
    strips = [one for one in root.iter("StripData") if one.find("WaveformData") is not None]
    if not strips:
        raise DataError("holds no waveform")
    strip = strips[0]
    try:
        fs = _rate(float(_said(strip, "SampleRate")))
    except (ValueError, OverflowError):
        fs = Fraction(0)
    if fs <= 0 or _said(strip, "SampleRate@units").casefold() not in ("", "hz"):
        raise DataError("states no sampling frequency that is understood")
    resolution = _said(strip, "Resolution")
    unit = re.sub(r"(?i)perlsb$", "", _said(strip, "Resolution@units"))
    step = float(resolution) if resolution else 1.0
    rows = {id(one): _numbers(one.text or "") for one in strip.iterfind("WaveformData")}
    traces = [
        Trace(
            one.get("lead", ""),
            unit if resolution else "",
            lambda one=one: rows[id(one)] * step,  # type: ignore[misc]
            scale=f"{step:g}",
        )
        for one in strip.iterfind("WaveformData")
    ]
    more = len(strips) > 1 or root.find(".//FullDisclosureData") is not None
    defects = ["further signals in the file were left out"] if more else []
    return Taken(traces, fs, max(map(len, rows.values())), _cardiosoft_facts(root), defects)


def _numbers(text: str) -> NDArray[np.float64]:
    return np.array(text.strip().rstrip(",").split(","), dtype=np.float64)


def _cardiosoft_facts(root: Element) -> Facts:
    person = "PatientInfo"
    return facts_of(
        person=_said(root, f"{person}/PID"),
        ages=[(_said(root, f"{person}/Age"), _said(root, f"{person}/Age@units").lower())],
        sex=_said(root, f"{person}/Gender"),
        born=_parts(root, _BORN, with_time=False),
        taken=[_parts(root, _OBSERVED)],
    )


def _parts(root: Element, place: str, *, with_time: bool = True) -> str:
    """A day, and the time of it, that stand in an element each."""
    days, clock = (
        [_said(root, f"{place}/{part}") for part in parts]
        for parts in (("Year", "Month", "Day"), ("Hour", "Minute", "Second"))
    )
    time = f" {':'.join(one.zfill(2) for one in clock)}" if with_time and all(clock) else ""
    return "-".join(one.zfill(2) for one in days) + time if any(days) else ""


def _cardiosoft_told(path: Path) -> list[tuple[str, str]]:
    root, remarks = tree(path)
    dates = [(place.rpartition("/")[2], _parts(root, place)) for place in (_OBSERVED, _BORN)]
    return [*dates, *_texts(root, _STRIPS), *(("comment", one) for one in remarks)]


def _is_eli(head: Head) -> bool:
    return head.root == "ECG" and "ACQUISITION_TIME" in head.attributes


def _enter(name: str, title: str, known: Callable[[Head], bool], dialect: _Dialect) -> None:
    format_ = Format(title, (".xml",), known, dialect.taken, dialect.told, _MAX_BYTES)
    READERS.register(name)(format_)


_enter(
    "aecg",
    "HL7 aECG (XML)",
    lambda head: head.root == "AnnotatedECG",
    _Dialect("hl7_aecg.HL7aECGParser", frozenset({"digits"}), _aecg_facts),
)
_enter(
    "philips",
    "Philips Sierra ECG (XML)",
    lambda head: head.root == "restingecgdata",
    _Dialect(
        "sierra_xml.SierraXMLParser",
        frozenset({"parsedwaveforms", "repbeat", "waveform"}),
        _philips_facts,
        _philips_check,
    ),
)
_enter(
    "muse",
    "GE MUSE (XML)",
    lambda head: head.root.casefold() == "restingecg",
    _Dialect("ge_muse_xml.GEMuseXMLParser", frozenset({"WaveFormData"}), _muse_facts),
)
_enter(
    "eli",
    "Mortara ELI (XML)",
    _is_eli,
    _Dialect(
        "mortara_el250.MortaraEL250Parser",
        frozenset({"CHANNEL@DATA", "TYPICAL_CYCLE_CHANNEL@DATA"}),
        _eli_facts,
    ),
)
READERS.register("cardiosoft")(
    Format(
        "GE CardioSoft (XML), as in UK Biobank",
        (".xml",),
        lambda head: head.root == "CardiologyXML",
        _cardiosoft_taken,
        _cardiosoft_told,
        _MAX_BYTES,
    )
)

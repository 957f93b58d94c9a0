"""Files of recorders' formats as their specifications ask, for readers to read back."""

from __future__ import annotations

import base64
import binascii
import json
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]


def counts(n_leads: int = 2, n: int = 5000, seed: int = 0) -> Counts:
    """(n_leads, n) whole numbers that move as a recorder's do."""
    steps = np.random.default_rng(seed).integers(-40, 41, (n_leads, n))
    wave = 300 * np.sin(np.arange(n) / 9)
    return (wave + steps).astype(np.int64)


# ---- EDF


def edf(
    path: Path,
    signals: Sequence[Mapping[str, Any]],
    *,
    seconds: str = "1",
    patient: str = "MCH-0234567 F 02-MAY-1951 Haagse_Harry",
    recording: str = "Startdate 02-MAR-2002 PSG-1234/2002 NN Telemetry03",
    date: str = "02.03.02",
    time: str = "10.11.12",
    reserved: str = "EDF+C",
    tals: Sequence[bytes] = (),
    n_records: int | None = None,
) -> Path:
    """`signals` have label, unit, counts, per_record, and physical and digital, each low and high.

    `tals` are one for each data record.
    """
    records = len(signals[0]["counts"]) // signals[0]["per_record"]
    rows = [
        {"physical": (-3276.8, 3276.7), "digital": (-32768, 32767), "unit": "uV", **one}
        for one in signals
    ]
    width = max((len(one) for one in tals), default=0)
    if tals:
        per = (width + 1) // 2 + 1
        data = b"".join(one.ljust(2 * per, b"\x00") for one in tals)
        rows.append(
            {"label": "EDF Annotations", "unit": "", "physical": (-1, 1), "per_record": per,
             "digital": (-32768, 32767), "counts": np.frombuffer(data, "<i2")}
        )  # fmt: skip
    fields: list[tuple[int, list[str]]] = [
        (16, [one["label"] for one in rows]),
        (80, [one.get("transducer", "") for one in rows]),
        (8, [one["unit"] for one in rows]),
        (8, [f"{one['physical'][0]:g}" for one in rows]),
        (8, [f"{one['physical'][1]:g}" for one in rows]),
        (8, [str(one["digital"][0]) for one in rows]),
        (8, [str(one["digital"][1]) for one in rows]),
        (80, ["" for _ in rows]),
        (8, [str(one["per_record"]) for one in rows]),
        (32, ["" for _ in rows]),
    ]
    stated = str(records if n_records is None else n_records)
    head = [
        *(("0", 8), (patient, 80), (recording, 80), (date, 8), (time, 8)),
        *((str(256 * (len(rows) + 1)), 8), (reserved, 44), (stated, 8), (seconds, 8)),
        (str(len(rows)), 4),
    ]
    whole = b"".join(text.encode("latin-1").ljust(size) for text, size in head)
    for size, texts in fields:
        whole += b"".join(text.encode("latin-1").ljust(size) for text in texts)
    for number in range(records):
        for one in rows:
            at = number * one["per_record"]
            whole += np.asarray(one["counts"][at : at + one["per_record"]]).astype("<i2").tobytes()
    path.write_bytes(whole)
    return path


# ---- ISHNE


def ishne(
    path: Path,
    samples: Counts,
    *,
    leads: Sequence[int] = (5, 6),
    nanovolts: int = 2500,
    fs: int = 500,
    sex: int = 2,
    birth: tuple[int, int, int] = (17, 4, 1950),
    taken: tuple[int, int, int] = (3, 5, 2011),
    comments: bytes = b"seen by Dr. Marple",
) -> Path:
    """Days are (day, month, year)."""
    absent = [-9] * (12 - len(leads))
    block = struct.pack("<iiii", len(comments), samples.shape[1], 522, 522 + len(comments))
    block += struct.pack("<h", 1)
    for text, size in ((b"Agatha", 40), (b"Christie", 40), (b"PX-4711", 20)):
        block += text.ljust(size, b"\x00")
    block += struct.pack("<hh3h3h3h3h", sex, 1, *birth, *taken, *taken, 10, 11, 12)
    block += struct.pack("<h", len(leads))
    block += struct.pack("<12h", *leads, *absent)
    block += struct.pack("<12h", *[1] * len(leads), *absent)
    block += struct.pack("<12h", *[nanovolts] * len(leads), *absent)
    block += struct.pack("<h", 0)
    block += b"Recorder H12".ljust(40, b"\x00") + struct.pack("<h", fs)
    block = block.ljust(512, b"\x00") + comments
    crc = struct.pack("<H", binascii.crc_hqx(block, 0xFFFF))
    path.write_bytes(b"ISHNE1.0" + crc + block + samples.T.astype("<i2").tobytes())
    return path


# ---- SCP-ECG


def scp(
    path: Path,
    samples: Counts,
    *,
    leads: Sequence[int] = (1, 2),
    nanovolts: int = 2500,
    interval_us: int = 2000,
    differences: int = 0,
    huffman: bool = False,
    tags: Mapping[int, bytes] | None = None,
) -> Path:
    """Sections 0, 1, 3 and 6, and 2 where samples are in the default Huffman code."""
    said = {
        **{0: b"Christie\x00", 1: b"Agatha\x00", 2: b"PX-4711\x00", 4: struct.pack("<HB", 61, 1)},
        **{5: struct.pack("<HBB", 1950, 4, 17), 8: b"\x02", 16: b"Styles Clinic\x00"},
        **{25: struct.pack("<HBB", 2011, 5, 3), 26: bytes((10, 11, 12))},
        **{30: b"slept badly\x00"},
        **(tags or {}),
    }
    first = b"".join(
        bytes((tag,)) + struct.pack("<H", len(value)) + value for tag, value in said.items()
    )
    stored = np.diff(samples, differences, axis=1) if differences else samples
    if differences:
        stored = np.concatenate([samples[:, :differences], stored], axis=1)
    streams = [_huffman(row) if huffman else row.astype("<i2").tobytes() for row in stored]
    bodies = {
        1: first + b"\xff\x00\x00",
        3: bytes((len(leads), 0x04))
        + b"".join(struct.pack("<IIB", 1, samples.shape[1], code) for code in leads),
        6: struct.pack("<HHBB", nanovolts, interval_us, differences, 0)
        + b"".join(struct.pack("<H", len(one)) for one in streams)
        + b"".join(streams),
    }
    if huffman:
        bodies[2] = struct.pack("<H", 19999)
    pointers, sections = b"", b""
    at = 6 + 16 + 10 * (len(bodies) + 1)
    for number, body in sorted(bodies.items()):
        section = _section(number, body + b"\x00" * (len(body) % 2))
        pointers += struct.pack("<HII", number, len(section), at + len(sections) + 1)
        sections += section
    size = 16 + 10 * (len(bodies) + 1)
    zero = _section(0, struct.pack("<HII", 0, size, 7) + pointers)
    whole = struct.pack("<I", 6 + len(zero) + len(sections)) + zero + sections
    path.write_bytes(struct.pack("<H", binascii.crc_hqx(whole, 0xFFFF)) + whole)
    return path


def _section(number: int, body: bytes) -> bytes:
    rest = struct.pack("<HIBB6s", number, 16 + len(body), 20, 20, b"SCPECG" if not number else b"")
    return struct.pack("<H", binascii.crc_hqx(rest + body, 0xFFFF)) + rest + body


def _huffman(row: Counts) -> bytes:
    bits = "".join(_code(int(value)) for value in row)
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


def _code(value: int) -> str:
    if value == 0:
        return "0"
    if abs(value) <= 8:
        return "1" * abs(value) + "0" + ("1" if value < 0 else "0")
    if -128 <= value < 128:
        return "1111111110" + format(value & 0xFF, "08b")
    return "1111111111" + format(value & 0xFFFF, "016b")


# ---- MFER


def tlv(tag: int, value: bytes, channel: int | None = None) -> bytes:
    """A definition."""
    at = b"" if channel is None else bytes((channel,))
    long = len(value) > 127
    size = b"\x84" + struct.pack(">I", len(value)) if long else bytes((len(value),))
    return bytes((tag,)) + at + size + value


def mfer(
    path: Path,
    samples: Counts,
    *,
    leads: Sequence[int] = (1, 2),
    fs: int = 500,
    preamble: bool = True,
    sex: int = 2,
    channels: int | None = None,
) -> Path:
    """Blocks of a second; a step is 2.5 uV; numbers are little-endian."""
    n_seconds = samples.shape[1] // fs
    blocks = samples.reshape(len(leads), n_seconds, fs).transpose(1, 0, 2)
    whole = tlv(0x40, b"MFR Standard 12 leads ECG".ljust(32)) if preamble else b""
    whole += tlv(0x01, b"\x01") + tlv(0x81, b"Christie^^Agatha") + tlv(0x82, b"PX-4711")
    whole += tlv(0x83, struct.pack("<BHHBB", 61, 16, 1950, 4, 17)) + tlv(0x84, bytes((sex,)))
    whole += tlv(0x85, struct.pack("<HBBBBBHH", 2011, 5, 3, 10, 11, 12, 0, 0))
    whole += tlv(0x16, b"slept badly")
    whole += tlv(0x0B, b"\x00\x00" + struct.pack("<H", fs))
    whole += tlv(0x0C, b"\x00" + struct.pack("<bH", -7, 25))
    whole += tlv(0x04, struct.pack("<H", fs)) + tlv(0x06, struct.pack("<H", n_seconds))
    whole += tlv(0x05, struct.pack("<I", len(leads) if channels is None else channels))
    for number, code in enumerate(leads):
        whole += tlv(0x3F, tlv(0x09, struct.pack("<H", code)), number)
    path.write_bytes(whole + tlv(0x1E, blocks.astype("<i2").tobytes()) + b"\x80\x00")
    return path


# ---- XML and JSON


def muse(
    path: Path,
    samples: Counts,
    *,
    leads: Sequence[str] = ("I", "II"),
    age: str = "61",
    units: str = "YEARS",
    sex: str = "FEMALE",
    date: str = "05-23-2011",
) -> Path:
    """A step is 4.88 uV; median beats stand before the rhythm."""

    def waveform(kind: str, rows: Counts) -> str:
        held = "".join(
            f"<LeadData><LeadByteCountTotal>{2 * len(row)}</LeadByteCountTotal>"
            f"<LeadAmplitudeUnitsPerBit>4.88</LeadAmplitudeUnitsPerBit>"
            f"<LeadAmplitudeUnits>MICROVOLTS</LeadAmplitudeUnits><LeadID>{lead}</LeadID>"
            f"<WaveFormData>{_base64(row)}</WaveFormData></LeadData>"
            for lead, row in zip(leads, rows, strict=True)
        )
        return (
            f"<Waveform><WaveformType>{kind}</WaveformType><SampleBase>500</SampleBase>"
            f"<SampleExponent>0</SampleExponent>{held}</Waveform>"
        )

    path.write_text(
        '<?xml version="1.0" encoding="ISO-8859-1"?>\n'
        '<!DOCTYPE RestingECG SYSTEM "restecg.dtd">\n<!-- ward 7, Miss Lemon -->\n<RestingECG>'
        "<PatientDemographics><PatientID>PX-4711</PatientID>"
        f"<PatientAge>{age}</PatientAge><AgeUnits>{units}</AgeUnits><Gender>{sex}</Gender>"
        "<PatientLastName>Christié</PatientLastName></PatientDemographics>"
        f"<TestDemographics><AcquisitionDate>{date}</AcquisitionDate>"
        "<AcquisitionTime>10:11:12</AcquisitionTime></TestDemographics>"
        + waveform("Median", samples[:, :600] + 5)
        + waveform("Rhythm", samples)
        + "</RestingECG>",
        encoding="latin-1",
    )
    return path


def cardiosoft(
    path: Path,
    samples: Counts,
    *,
    leads: Sequence[str] = ("I", "II"),
    age: str = "61",
    units: str = "Years",
    resolution: str = '<Resolution units="uVperLsb">5</Resolution>',
) -> Path:
    """A step is 5 uV; the median beat stands before the rhythm, lines are broken within rows."""

    def rows(part: Counts) -> str:
        return "".join(
            f'<WaveformData lead="{lead}">\n\t\t'
            + ",\n\t\t".join(",".join(map(str, row[at : at + 20])) for at in range(0, len(row), 20))
            + "</WaveformData>"
            for lead, row in zip(leads, part, strict=True)
        )

    def strip(tag: str, part: Counts) -> str:
        return (
            f"<{tag}><NumberOfLeads>{len(leads)}</NumberOfLeads>"
            f'<SampleRate units="Hz">500</SampleRate>'
            f"<ChannelSampleCountTotal>{part.shape[1]}</ChannelSampleCountTotal>"
            f"{resolution}{rows(part)}</{tag}>"
        )

    path.write_text(
        '<?xml version="1.0" encoding="ISO-8859-1"?>\n<CardiologyXML>'
        "<ObservationType>RestECG</ObservationType><ObservationDateTime><Hour>10</Hour>"
        "<Minute>11</Minute><Second>12</Second><Day>3</Day><Month>5</Month><Year>2011</Year>"
        "</ObservationDateTime><ClinicalInfo><DeviceInfo><Desc>CardioSoft</Desc></DeviceInfo>"
        "</ClinicalInfo><PatientInfo><PID>PX-4711</PID><Name><FamilyName>Christié</FamilyName>"
        f'<GivenName>Agatha</GivenName></Name><Age units="{units}">{age}</Age>'
        "<BirthDateTime><Day>17</Day><Month>4</Month><Year>1950</Year></BirthDateTime>"
        "<Gender>FEMALE</Gender></PatientInfo>"
        "<Interpretation><Conclusion>slept badly</Conclusion></Interpretation>"
        "<RestingECGMeasurements>"
        + strip("MedianSamples", samples[:, :600] + 5)
        + "</RestingECGMeasurements>"
        + strip("StripData", samples)
        + "</CardiologyXML>",
        encoding="latin-1",
    )
    return path


def eli(path: Path, samples: Counts, *, leads: Sequence[str] = ("I", "II")) -> Path:
    """A step is 2.5 uV."""
    channels = "".join(
        f'<CHANNEL NAME="{lead}" BITS="16" FORMAT="SIGNED" UNITS_PER_MV="400" ENCODING="BASE64" '
        f'DURATION="{len(row)}" SAMPLE_FREQ="500" DATA="{_base64(row)}" OFFSET="0"/>'
        for lead, row in zip(leads, samples, strict=True)
    )
    path.write_text(
        '<?xml version="1.0" encoding="utf-8"?>\n<ECG ACQUISITION_TIME="20110503101112" AGE="" '
        'TECHNICIAN="Miss Lemon"><SUBJECT LAST_NAME="Christie" ID="PX-4711" GENDER="F" '
        f'DOB="19500417"/>{channels}</ECG>',
        encoding="utf-8",
    )
    return path


def kardia(path: Path, samples: Counts) -> Path:
    """A step is 500 nV, at 300 Hz."""
    block = {
        **{"frequency": 300, "mainsFrequency": 60, "amplitudeResolution": 500, "gain": 1},
        "samples": {"leadI": samples[0].tolist()},
    }
    document = {
        **{"id": "q4zYcRVs", "recordedAt": "2011-05-03T10:11:12-07:00", "patientID": "PX-4711"},
        **{"note": "slept badly, Agatha", "duration": 1000 * samples.shape[1] // 300},
        **{"algorithmDetermination": "normal", "data": {"raw": block, "enhanced": block}},
    }
    path.write_text(json.dumps(document))
    return path


def _base64(row: Counts) -> str:
    return base64.b64encode(row.astype("<i2").tobytes()).decode()


# ---- DICOM


def dicom(
    path: Path,
    groups: Sequence[Mapping[str, Any]],
    *,
    syntax: str = "1.2.840.10008.1.2.1",
    **elements: Any,
) -> Path:
    """`groups` have counts (n_leads, n) and leads, and may have label, originality, fs, unit."""
    from pydicom.dataset import Dataset, FileMetaDataset

    whole = Dataset()
    for name, value in {
        **{"SOPClassUID": "1.2.840.10008.5.1.4.1.1.9.1.2", "SOPInstanceUID": "1.2.3.4"},
        **{"PatientName": "Christie^Agatha", "PatientID": "PX-4711", "PatientSex": "F"},
        **{"PatientBirthDate": "19500417", "AcquisitionDateTime": "20110503101112.5+0100"},
        **elements,
    }.items():
        setattr(whole, name, value)
    private = whole.private_block(0x0029, "MAKER", create=True)
    private.add_new(0x08, "LO", "Miss Lemon")
    private.add_new(0x09, "UN", b"\x01\x02bed 12 window\x00")
    whole.WaveformSequence = [_group(one, syntax) for one in groups]
    note = Dataset()
    note.UnformattedTextValue = "slept badly"
    whole.WaveformAnnotationSequence = [note]
    whole.file_meta = FileMetaDataset()
    whole.file_meta.TransferSyntaxUID = syntax
    whole.file_meta.MediaStorageSOPClassUID = whole.SOPClassUID
    whole.file_meta.MediaStorageSOPInstanceUID = "1.2.3.4"
    whole.save_as(path, enforce_file_format=True)
    return path


def _group(one: Mapping[str, Any], syntax: str) -> Any:
    from pydicom.dataset import Dataset

    group = Dataset()
    samples = one["counts"]
    group.MultiplexGroupLabel = one.get("label", "RHYTHM")
    group.WaveformOriginality = one.get("originality", "ORIGINAL")
    group.NumberOfWaveformChannels, group.NumberOfWaveformSamples = samples.shape
    group.SamplingFrequency = one.get("fs", "500")
    group.WaveformBitsAllocated, group.WaveformSampleInterpretation = 16, "SS"
    channels = []
    for lead in one["leads"]:
        channel, source, unit = Dataset(), Dataset(), Dataset()
        source.CodeValue, source.CodingSchemeDesignator = f"2:{lead}", "MDC"
        source.CodeMeaning = f"code {lead}"
        channel.ChannelSourceSequence = [source]
        channel.ChannelSensitivity, channel.ChannelBaseline = "2.5", one.get("baseline", "10")
        channel.ChannelSensitivityCorrectionFactor = "1.01"
        unit.CodeValue, unit.CodingSchemeDesignator = one.get("unit", "uV"), "UCUM"
        unit.CodeMeaning = "unit"
        channel.ChannelSensitivityUnitsSequence = [unit]
        channels.append(channel)
    group.ChannelDefinitionSequence = channels
    order = ">i2" if syntax == "1.2.840.10008.1.2.2" else "<i2"
    group.add_new("WaveformData", "OW", samples.T.astype(order).tobytes())
    if "pad" in one:
        group.add_new("WaveformPaddingValue", "OW", np.array(one["pad"], order).tobytes())
    return group

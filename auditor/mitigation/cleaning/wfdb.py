"""WFDB: headers are written anew, signal files are handed on, annotations keep time and kind."""

from __future__ import annotations

import re
import struct
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from auditor.core.errors import DataError
from auditor.data.readers.headers import Header, Signal, headers, signal_files
from auditor.data.readers.units import is_no_voltage, millivolts
from auditor.mitigation.cleaning.base import (
    CHUNK,
    CLEANERS,
    Cleaner,
    Piece,
    Said,
    Task,
    copied,
    signal_name,
)

_UNITS = {1000.0: "V", 1.0: "mV", 1e-3: "uV", 1e-6: "nV"}
#: Formats of compressed signals, which hold texts in blocks of their own.
_FLAC = ("508", "516", "524")
#: What annotation files are called: annotators of PhysioNet's sets, and leads.
_ANNOTATORS = frozenset(
    {
        *("atr", "qrs", "ecg", "ari", "ann", "man", "pu", "pu0", "pu1", "q1c", "q2c", "qt1"),
        *(
            "qrsc",
            "wqrs",
            "gqrs",
            "sqrs",
            "gqrsh",
            "gqrsl",
            "xws",
            "apn",
            "st",
            "sta",
            "stb",
            "stc",
        ),
        *("i", "ii", "iii", "avr", "avl", "avf", "v1", "v2", "v3", "v4", "v5", "v6", "trigger"),
    }
)
_SKIP, _NUM, _SUB, _CHN, _AUX = 59, 60, 61, 62, 63
#: Notes that are codes of rhythms, signal quality and ST-T episodes, as the sets of PhysioNet
#: write them, and the one note that says what a unit of time is.
_RHYTHMS = (
    "AB|AFIB|AFL|AT|AVB|B|BI|BII|BIII|IVR|J|N|NOD|NSR|P|PAT|PREX|SAB|SB|SBR|ST|SVT|SVTA|T|VF|VFIB"
    "|VFL|VT|VER|ASYS|HGEA|PM|BBB|LBBB|RBBB|PVC|PAC|AFF"
)
_NOTE = re.compile(
    rf"\((?:{_RHYTHMS})|MISSB|PSE|TS|M|U|QQ|None"
    r"|\(?A?(?:rt|lr|ax|cc)?(?:ST|T)\d?(?:[+-]{1,2}\d{0,4})?\)?"
    r"|## time resolution: \d{1,9}(?:\.\d{1,9})?"
)


def _pieces(task: Task, count: Counter[str]) -> Iterator[Piece]:
    root, said = task.root, task.said
    parts = headers(root, root / f"{task.record}.hea")
    signal_files(root, parts)  # refuses what lies elsewhere or is too large
    stems = _stems(said.name, parts)
    files, formats = _files(parts, stems)
    names = _Names(count)
    count["comments"] += sum(len(part.comments) for part in parts)
    count["times of day"] += sum(":" in part.tail for part in parts)
    for part in parts:
        text = _header(part, parts[0], stems, files, names, said)
        yield Piece(f"{stems[part.path]}.hea", [text.encode("ascii")])
    for path, name in files.items():
        yield Piece(name, _signal_bytes(path, formats[path], count))
    number = 0
    for path in task.annotations:
        content = _annotations(path.read_bytes(), count)
        if content is None:
            count["files of annotations in no known form"] += 1
            continue
        annotator = path.suffix[1:]
        if annotator not in _ANNOTATORS:
            number += 1
            annotator = f"ann{number}"
            count["names of annotators"] += 1
        yield Piece(f"{said.name}.{annotator}", [content])


def _stems(name: str, parts: tuple[Header, ...]) -> dict[Path, str]:
    """What each header is called in the copy, as a path without suffix."""
    stems = {parts[0].path: name}
    stems |= {part.path: f"{name}_{number:04d}" for number, part in enumerate(parts[1:])}
    return stems


def _files(
    parts: tuple[Header, ...], stems: Mapping[Path, str]
) -> tuple[dict[Path, str], dict[Path, tuple[str, int]]]:
    """What each signal file is called in the copy, and how it is written: format, first byte."""
    names: dict[Path, str] = {}
    formats: dict[Path, tuple[str, int]] = {}
    for part in parts:
        number = 0
        for signal in part.signals:
            path = part.path.with_name(signal.file)
            if signal.file == "~" or path in names:
                continue
            number += 1
            suffix = ".mat" if signal.file.endswith(".mat") else ".dat"
            names[path] = f"{stems[part.path]}{f'_{number}' if number > 1 else ''}{suffix}"
            formats[path] = (signal.format, int(_stated(signal)["byte_offset"] or 0))
    return names, formats


class _Names:
    """Names of signals, of which each has one in all segments."""

    def __init__(self, count: Counter[str]) -> None:
        self.known: dict[str, str] = {}
        self.count = count

    def __call__(self, name: str) -> str:
        if name not in self.known:
            self.known[name] = signal_name(name, len(self.known) + 1, self.count)
        return self.known[name]


def _header(
    part: Header,
    whole: Header,
    stems: Mapping[Path, str],
    files: Mapping[Path, str],
    names: _Names,
    said: Said,
) -> str:
    """A header as text: what stood there in numbers, and names and comments of the copy."""
    stem = stems[part.path].rpartition("/")[2]
    rate, length = _rate_and_length(part)
    first = [stem + (f"/{len(part.segments)}" if part.is_made_of_segments else "")]
    first += [str(part.n_signals), rate, *length]
    if part is whole and said.day and length:
        # The format has no date without a time.
        first += ["00:00:00", said.when("%d/%m/%Y")]
    segments = {path.stem: stem.rpartition("/")[2] for path, stem in stems.items()}
    body = [f"{segments.get(name, '~')} {n_samples}" for name, n_samples in part.segments] or [
        _signal_line(signal, part, files, names) for signal in part.signals
    ]
    comments = _comments(said) if part is whole else []
    return "\n".join([" ".join(first), *body, *comments, ""])


def _comments(said: Said) -> list[str]:
    known = {"Age": said.age_text, "Sex": said.sex or "", "Dx": ",".join(said.labels)}
    return [f"# {key}: {value}" for key, value in known.items() if value]


def _rate_and_length(part: Header) -> tuple[str, list[str]]:
    """The record line's rate, with that of its counter, and its number of samples."""
    from wfdb.io.header import rx_record

    raw = part.path.read_bytes().decode("latin-1").removeprefix("\xef\xbb\xbf")
    lines = (line.strip() for line in re.split(r"[\r\n]+", raw))
    first = next(line for line in lines if line and not line.startswith("#"))
    plain = re.sub(r"^([^\s/]*)\.(?:mat|hea|dat)(?=[\s/])", r"\1", first.partition("#")[0])
    stated = rx_record.match(re.sub(r"[^\x00-\x7f]", "_", plain))
    if stated is None:
        raise DataError("is not a WFDB header")
    rate = stated["fs"] or "250"
    if stated["counter_freq"]:
        rate += f"/{stated['counter_freq']}"
        rate += f"({stated['base_counter']})" if stated["base_counter"] else ""
    return rate, [stated["sig_len"]] if stated["sig_len"] else []


def _stated(signal: Signal) -> re.Match[str]:
    from wfdb.io.header import rx_signal

    stated = rx_signal.match(f"x{signal.rest}")
    assert stated is not None  # it was read so before
    return stated


def _signal_line(signal: Signal, part: Header, files: Mapping[Path, str], names: _Names) -> str:
    stated = _stated(signal)
    form = stated["fmt"]
    for mark, group in (("x", "samps_per_frame"), (":", "skew"), ("+", "byte_offset")):
        form += f"{mark}{stated[group]}" if stated[group] else ""
    file = files.get(part.path.with_name(signal.file), "~").rpartition("/")[2]
    words = [file, form]
    if stated["adc_gain"]:
        gain = stated["adc_gain"] + (f"({stated['baseline']})" if stated["baseline"] else "")
        words.append(gain + (f"/{_unit(signal.unit)}" if signal.unit is not None else ""))
    numbers = [stated[one] for one in ("adc_res", "adc_zero", "init_value", "checksum")]
    numbers.append(stated["block_size"])
    words += [one for one in numbers if one]
    if signal.name.strip():
        # A name follows all five numbers; those that lack are what the format takes for them.
        defaults = ["0", "0", stated["adc_zero"] or "0", "0", "0"]
        if not stated["adc_gain"]:
            words.append("200")
        words[len(words) :] = defaults[sum(map(bool, numbers)) :]
        words.append(names(signal.name))
    return " ".join(words)


def _unit(unit: str) -> str:
    """A unit in letters that every reader takes."""
    factor = millivolts(unit)
    if factor is not None:
        return _UNITS[factor]
    plain = re.fullmatch(r"[\w^\-?%/]+", unit, re.ASCII)
    return unit if plain and is_no_voltage(unit) else "NU"


def _signal_bytes(path: Path, form: tuple[str, int], count: Counter[str]) -> Iterator[bytes]:
    """A signal file: every sample as it is, without the texts that may stand before them."""
    kind, offset = form
    if kind in _FLAC:
        yield from _without_texts(path, count)
        return
    with path.open("rb") as file:
        head = file.read(offset)
    yield _prolog(head, count)
    yield from copied(path, offset)


def _prolog(head: bytes, count: Counter[str]) -> bytes:
    """What stands before the samples: sizes as MATLAB writes them, without its words."""
    if head.startswith(b"MATLAB 5.0") and len(head) >= 128:
        count["words before the samples"] += 1
        return b"MATLAB 5.0 MAT-file".ljust(116) + b"\x00" * 8 + head[124:]
    if len(head) == 24 and head[20:] == b"val\x00":  # MATLAB 4: five numbers and a name
        return head
    count["words before the samples"] += any(head)
    return b"\x00" * len(head)


def _without_texts(path: Path, count: Counter[str]) -> Iterator[bytes]:
    """A FLAC file whose blocks of texts and pictures are padding (RFC 9639, 8)."""
    with path.open("rb") as file:
        if file.read(4) != b"fLaC":
            raise DataError("the signal file is not of the format stated")
        yield b"fLaC"
        last = False
        while not last:
            head = file.read(4)
            if len(head) < 4:
                raise DataError("the signal file is truncated")
            last, kind = bool(head[0] & 0x80), head[0] & 0x7F
            length = int.from_bytes(head[1:], "big")
            body = file.read(length)
            if kind not in (0, 1, 3):  # stream, padding, seek table
                count["words before the samples"] += 1
                head, body = bytes((head[0] & 0x80 | 1,)) + head[1:], b"\x00" * len(body)
            yield head + (b"\x00" * len(body) if kind == 1 else body)
        while part := file.read(CHUNK):
            yield part


def _annotations(data: bytes, count: Counter[str]) -> bytes | None:
    """An annotation file of the MIT format, with the notes that are codes and no others; None
    where it is of another format.
    """
    kept = bytearray()
    at = 0
    while at + 2 <= len(data):
        (word,) = struct.unpack_from("<H", data, at)
        kind, length = word >> 10, word & 0x3FF
        if word == 0:
            break
        size = 2
        if kind == _SKIP:
            size = 6
        elif kind == _AUX:
            size = 2 + length + length % 2
        if at + size > len(data):
            return None
        if kind == _AUX and not _NOTE.fullmatch(
            data[at + 2 : at + 2 + length].decode("latin-1").strip("\x00 ")
        ):
            count["annotation notes"] += 1
        elif kind <= 49 or kind in (_SKIP, _NUM, _SUB, _CHN, _AUX):
            kept += data[at : at + size]
        at += size
    return None if any(data[at:]) else bytes(kept) + b"\x00\x00"


CLEANERS.register("wfdb")(Cleaner(_pieces, ""))

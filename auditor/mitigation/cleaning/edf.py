"""EDF and EDF+: the header in EDF+'s form for nobody, samples as they are, known annotations.

Kemp B., Olivan J., European data format 'plus', Clin Neurophysiol 114:1755-1761, 2003: where a
part is not told, X stands for it; a year after 2084 is `yy` in the old field.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping

from auditor.data.readers.edf import ANNOTATIONS, FIELDS, TAL, Edf, opened
from auditor.mitigation.cleaning.base import (
    CHUNK,
    CLEANERS,
    Cleaner,
    Piece,
    Said,
    Task,
    is_plain,
    signal_name,
)

_SEX = {"female": "F", "male": "M", None: "X"}
_FILTERS = re.compile(r"(?:(?:HP|LP|N):[\d.]{1,8} ?(?:[kKm]?Hz|s)?[ ;,]*)+", re.IGNORECASE)
#: Annotations that name a stage of sleep, a beat, or what the recorder did.
_NOTE = re.compile(
    r"Sleep stage (?:[W1-4R?]|N[1-3])|Arousal|Lights (?:on|off)@?@?|Recording (?:starts|ends)|"
    r"(?:Obstructive|Central|Mixed)? ?(?:apnea|hypopnea)|Artifact|Pause|[NVSAFQJELRBe/?!|]",
    re.IGNORECASE,
)


def _pieces(task: Task, count: Counter[str]) -> Iterator[Piece]:
    edf = opened(task.path)
    yield Piece(task.said.name, _content(edf, task.said, count))


def _content(edf: Edf, said: Said, count: Counter[str]) -> Iterator[bytes]:
    yield _head(edf, said, count)
    yield b"".join(_fields(edf, count))
    # Annotations are known by what they hold, too: a label may be of another program.
    texts = [
        place
        for signal, place in zip(edf.signals, edf.places, strict=True)
        if signal["label"] == ANNOTATIONS or TAL.match(edf.data[0, place].tobytes())
    ]
    if not texts:
        step = max(CHUNK // edf.data.itemsize // edf.data.shape[1], 1)
        for at in range(0, len(edf.data), step):
            yield edf.data[at : at + step].tobytes()
        return
    for row in edf.data:
        whole = bytearray(row.tobytes())
        for place in texts:
            start, stop = 2 * place.start, 2 * place.stop
            whole[start:stop] = _annotations(bytes(whole[start:stop]), count)
        yield bytes(whole)


def _head(edf: Edf, said: Said, count: Counter[str]) -> bytes:
    """What stands before the fields of signals."""
    for start, end, what in ((8, 88, "patients"), (88, 168, "recordings")):
        count[f"fields about {what}"] += bool(edf.field(start, end))
    count["times of day"] += edf.field(176, 184) not in ("", "00.00.00")
    reserved = re.match(r"EDF\+[CD]", edf.field(192, 236))
    day = said.when("%d-%b-%Y").upper() if said.day else "X"
    # Without EDF+ the year has two digits, which would be one that was.
    hidden = "01.01.85"
    date = said.when("%d.%m.yy", hidden) if reserved else hidden
    fields = [
        (f"{said.subject} {_SEX[said.sex]} X X", 80),
        (f"Startdate {day} X X X", 80),
        (date, 8),
        ("00.00.00", 8),
    ]
    head = b"".join(text.encode("ascii").ljust(width) for text, width in fields)
    form = (reserved[0] if reserved else "").encode("ascii").ljust(44)
    return edf.head[:8] + head + edf.head[184:192] + form + edf.head[236:256]


def _fields(edf: Edf, count: Counter[str]) -> Iterator[bytes]:
    """The fields of signals: names of leads, sizes as they are, and nothing of the equipment."""
    for name, width in FIELDS.items():
        for place, signal in enumerate(edf.signals):
            text = _field(name, signal, place, count)
            yield text.encode("latin-1", "replace").ljust(width)[:width]


def _field(name: str, signal: Mapping[str, str], place: int, count: Counter[str]) -> str:
    said = signal[name]
    if name == "label":
        return said if said == ANNOTATIONS else signal_name(said, place + 1, count)
    if name in ("transducer", "reserved"):
        count["fields about equipment"] += bool(said)
        return ""
    if name == "prefiltering":
        kept = said if _FILTERS.fullmatch(said) else ""
        count["fields about equipment"] += said != kept
        return kept
    if name == "unit" and not is_plain(said.replace("µ", "u").replace("μ", "u")):
        count["units"] += bool(said)
        return ""
    return said.replace("μ", "µ")


def _annotations(data: bytes, count: Counter[str]) -> bytes:
    """Lists of annotations of one data record, with their times and the texts that are known."""
    kept = []
    for part in data.split(b"\x00"):
        found = TAL.match(part)
        if found is None:
            count["annotation notes"] += bool(part)
            continue
        texts = part[found.end() :].split(b"\x14")
        for at, text in enumerate(texts):
            if text and not _NOTE.fullmatch(text.decode("latin-1").strip()):
                count["annotation notes"] += 1
                texts[at] = b""
        kept.append(found[0] + b"\x14".join(texts) + b"\x00")
    return b"".join(kept).ljust(len(data), b"\x00")


CLEANERS.register("edf")(Cleaner(_pieces, ".edf"))

"""Whatever names a person, in eleven languages and every place a format has for words, is gone."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

import numpy as np
import pytest
import wfdb

from tests.data import writers
from tests.data.identifiers import corpus, fifth, fourth, second, third
from tests.data.test_devices import COUNTS
from tests.mitigation.cleaned import cleaned, everything, files, identifiers, table

CORPORA = (corpus, second, third, fourth, fifth)
SAID = [one for some in CORPORA for one in some.texts()]
TEXTS = [one.text for one in SAID]
#: What stands in a text that names a person; shorter ones may stand in samples by chance.
PLANTED = {
    one.text[start:stop] for one in SAID for _, start, stop in one.planted if stop - start > 5
}


def in_wfdb(path: Path, some: Sequence[str]) -> None:
    wave = np.sin(np.arange(3000) / 60)[:, None] * [1, 0.5]
    folder = str(path.parent)
    wfdb.wrsamp(
        path.name, 500, ["mV", "mV"], ["II", "V1"], wave, fmt=["16", "16"], write_dir=folder
    )
    header = path.with_name(f"{path.name}.hea")
    first, one, two = header.read_text().splitlines()
    comments = [f"# {' '.join(text.split())}" for text in some]
    lines = [first, f"{one} of {some[0]}", two.replace("V1", " ".join(some[1].split())), *comments]
    header.write_text("\n".join(lines) + "\n", encoding="utf-8")
    notes = [text[:120].encode("ascii", "ignore").decode() or "x" for text in some]
    marks = np.arange(1, len(notes) + 1) * 10
    wfdb.wrann(path.name, "drsmith", marks, ["N"] * len(notes), aux_note=notes, write_dir=folder)


def in_edf(path: Path, some: Sequence[str]) -> None:
    def field(at: int, width: int) -> str:
        return some[at % len(some)].encode("latin-1", "replace").decode("latin-1")[:width]

    leads = [
        {
            "label": f"ECG {lead}",
            "counts": COUNTS[0],
            "per_record": 500,
            "transducer": field(at, 80),
        }
        for at, lead in enumerate(("I", "II"))
    ]
    leads.append({"label": field(2, 16), "counts": COUNTS[1], "per_record": 500})
    rest = iter(some)
    tals = [
        f"+{at}\x14\x14\x00+{at}.5\x14{next(rest, '')}\x14{next(rest, '')}\x14\x00".encode()
        for at in range(10)
    ]
    writers.edf(path, leads, patient=field(3, 80), recording=field(4, 80), tals=tals)


def in_dicom(path: Path, some: Sequence[str]) -> None:
    from pydicom.config import disable_value_validation

    names = (
        *("PatientName", "PatientComments", "InstitutionName", "StationName", "ImageComments"),
        *("StudyDescription", "OperatorsName", "AdditionalPatientHistory", "DeviceSerialNumber"),
    )
    said = dict(zip(names, (text.replace("\\", "/") for text in some), strict=False))
    with disable_value_validation():
        group = {"counts": COUNTS, "leads": (1, 2), "label": some[-1].replace("\\", "/")[:16]}
        writers.dicom(path, [group], SpecificCharacterSet="ISO_IR 192", **said)


def in_muse(path: Path, some: Sequence[str]) -> None:
    writers.muse(path, COUNTS)
    told = "".join(
        f"<!-- {escape(text).replace('-', '')} --><PatientLastName who={quoteattr(text)}>"
        f"{escape(text)}</PatientLastName>"
        for text in some
    )
    whole = path.read_text(encoding="latin-1").replace("ISO-8859-1", "UTF-8")
    whole = whole.replace("<PatientDemographics>", f"<PatientDemographics>{told}")
    path.write_text(
        whole.replace("<LeadID>I<", f"<Note>{escape(some[0])}</Note><LeadID>I<"), "utf-8"
    )


def in_eli(path: Path, some: Sequence[str]) -> None:
    writers.eli(path, COUNTS)
    told = "".join(f"<MEDICATION NAME={quoteattr(text)}/>" for text in some)
    whole = path.read_text(encoding="utf-8").replace("<CHANNEL", f"{told}<CHANNEL", 1)
    path.write_text(whole.replace("BITS=", f"COMMENT={quoteattr(some[0])} BITS="), "utf-8")


def in_scp(path: Path, some: Sequence[str]) -> None:
    told = {
        tag: some[tag % len(some)].encode()[:200] + b"\x00" for tag in (0, 1, 13, 20, 30, 35, 200)
    }
    writers.scp(path, COUNTS, tags=told)


def in_ishne(path: Path, some: Sequence[str]) -> None:
    writers.ishne(path, COUNTS, comments="\n".join(some).encode())


def in_kardia(path: Path, some: Sequence[str]) -> None:
    writers.kardia(path, COUNTS)
    whole = json.loads(path.read_text())
    whole["note"], whole["tags"], whole["algorithmDetermination"] = some[0], list(some), some[1]
    whole["data"]["raw"]["device"] = some[2]
    path.write_text(json.dumps(whole, ensure_ascii=False), "utf-8")


PLACES: dict[str, tuple[Callable[[Path, Sequence[str]], None], int]] = {
    "wfdb": (in_wfdb, 60),
    "edf": (in_edf, 20),
    "dicom": (in_dicom, 10),
    "muse": (in_muse, 60),
    "eli": (in_eli, 60),
    "scp": (in_scp, 20),
    "ishne": (in_ishne, 60),
    "kardia": (in_kardia, 60),
}


def left(out: Path) -> list[str]:
    """Planted values that are anywhere in a copy, however they are encoded."""
    whole = everything(out)
    return [
        value
        for value in PLANTED
        if any(value.encode(one, "replace") in whole for one in ("utf-8", "latin-1"))
    ]


@pytest.mark.parametrize("name", PLACES)
def test_no_planted_identifier_is_in_a_copy(tmp_path, name):
    write, size = PLACES[name]
    root = tmp_path / "export"
    root.mkdir()
    groups = [TEXTS[at : at + size] for at in range(0, len(TEXTS) - size, size)][:24]
    for number, some in enumerate(groups):
        write(root / f"rec{number}", some)
    assert left(root)
    account = cleaned(root, tmp_path / "out")
    assert account.n_records == len(groups)
    assert left(tmp_path / "out") == []
    assert identifiers(tmp_path / "out") == identifiers(tmp_path / "out", sure=False) == {}


def test_no_planted_column_is_in_a_copy(tmp_path):
    cells = [
        one
        for seed in range(3)
        for some in CORPORA
        for one in some.columns(seed)
        if one.kind is not None
    ]
    assert len(cells) > 200
    root = tmp_path / "export"
    root.mkdir()
    rows = min(len(one.values) for one in cells)
    for row in range(rows):
        writers.ishne(root / f"rec{row}.ecg", COUNTS + row)
    heads = [f"{one.name} {number}" for number, one in enumerate(cells)]
    lines = [["file", *heads]]
    lines += [[f"rec{row}.ecg", *(one.values[row] for one in cells)] for row in range(rows)]
    text = "\n".join("\t".join(" ".join(cell.split()) for cell in line) for line in lines)
    (root / "people.tsv").write_text(text + "\n", encoding="utf-8")
    (root / "auditor.yaml").write_text("table: {file: people.tsv, record: [file]}\n")
    cleaned(root, tmp_path / "out")
    kept = set(table(tmp_path / "out")) & set(heads)
    assert kept == set()
    assert len(files(tmp_path / "out")) == rows + 2

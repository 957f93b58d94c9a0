"""Broken and hostile files, made from good ones, and read in a process that is bounded.

`python -m tests.fuzzing KIND,KIND FIRST N FOLDER` reads `N` mutations of each kind; it says which
one before it is read, so that whoever started it knows which one ended it.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np

from auditor.core.errors import AuditorError
from auditor.data.catalog import describe
from auditor.data.dataset import open_dataset
from auditor.data.inspection import inspected, inspection
from auditor.data.readers import READERS
from auditor.data.sheets import read_sheets
from auditor.engine import engine
from auditor.learning import boost
from auditor.policy.profile import load_profile
from auditor.policy.waivers import load_waivers
from auditor.report import html
from auditor.report import json as report
from auditor.targets import description
from tests.data.test_devices import FORMATS as DEVICES
from tests.data.test_samples import KINDS as SAMPLES

#: A file is read in so many seconds, and what reads it takes no more memory than this beyond what
#: the libraries hold, bytes.
SECONDS, MEMORY = 5, 2 << 30
RELEASED = Path(__file__).parent / "report" / "released" / "audit-1.json"
#: What formats give a meaning to.
_TELLING = (
    *(b"\x00", b"\xff", b"\n", b" ", b",", b";", b":", b"/", b"{", b"}", b"[", b"]", b'"', b"-"),
    *(b"..", b"1e999", b"NaN", b"-1", b"9" * 40, b" " * 4000, b"&a *a ", b"!!", b"\\u0000", b"%"),
    *(b"/etc/passwd", b"../../../etc/passwd", b"\xef\xbb\xbf", b"# Age: ", b"\r", b"\t", b"0x"),
)


def mutated(good: bytes, rng: np.random.Generator) -> bytes:
    """Some bytes of a file changed, taken out, doubled, or put in."""
    content = bytearray(good)
    for _ in range(int(rng.integers(1, 6))):
        at = int(rng.integers(0, len(content) + 1))
        length = int(rng.integers(1, 40))
        way = rng.integers(5)
        if way == 0:
            content[at : at + 1] = rng.bytes(1)
        elif way == 1:
            del content[at : at + length]
        elif way == 2:
            content[at:at] = content[at : at + length] * int(rng.integers(1, 20))
        elif way == 3:
            content[at:at] = _TELLING[int(rng.integers(len(_TELLING)))]
        else:
            del content[at:]
    return bytes(content)


def _opened(folder: Path) -> None:
    with engine() as workers:
        dataset = open_dataset(folder, describe(folder), engine=workers)
    inspection(dataset)
    json.dumps(inspected(dataset))
    for record in dataset.manifest["record"]:
        dataset.read(record)
        dataset.texts(record)
    list(dataset.stray_tables())


def _records(folder: Path, name: str) -> tuple[Path, Callable[[], object]]:
    """Two records, one of which is changed in one of its files, with a table beside them."""
    wave = (300 * np.sin(np.arange(2000) / 9)).astype("<i2")
    for record in ("a", "b"):
        wave.tofile(folder / f"{record}.dat")
        (folder / f"{record}.hea").write_text(
            f"{record} 1 250 2000 10:15:00 04/03/2019\n"
            f"{record}.dat 16 1000/mV 16 0 0 0 0 II\n# Age: 63\n# Sex: F\n"
        )
    (folder / "people.csv").write_text("record,who,age\na,p1,63\nb,p2,91 years\n")
    (folder / "auditor.yaml").write_text(
        "subject: {column: who}\nsession: {header: date}\n"
        "table: {file: people.csv, record: record, age: age}\n"
    )
    return folder / name, lambda: _opened(folder)


def _rows(folder: Path) -> tuple[Path, Callable[[], object]]:
    """A file of several records, beside one that is not changed."""
    import h5py

    _records(folder, "a.hea")
    (folder / "auditor.yaml").unlink()
    rows = np.tile(np.sin(np.arange(4096) / 9)[:, None], (2, 1, 12)).astype("<f4")
    with h5py.File(folder / "rows.h5", "w") as file:
        how = {"chunks": (1, 4096, 12), "compression": "gzip", "compression_opts": 9}
        file.create_dataset("tracings", data=rows, **how)
        file["exam_id"] = [7, 8]
        file["note"] = "of two people"
        file.attrs["site"] = "Ward 7"
    return folder / "rows.h5", lambda: _opened(folder)


def _samples(folder: Path, kind: str) -> tuple[Path, Callable[[], object]]:
    """A file of samples that is described, beside two records."""
    write, said = SAMPLES[kind]
    _records(folder, "a.hea")
    path = write(folder / "samples")
    rule = {"files": "samples*", "fs": 500, "unit": "uV", **said}
    rule["leads"] = list(rule.get("leads", ()))
    (folder / "auditor.yaml").write_text(json.dumps({"samples": rule}))
    return path, lambda: _opened(folder)


def _file(
    folder: Path, name: str, content: bytes, read: Callable[[Path], object]
) -> tuple[Path, Callable[[], object]]:
    path = folder / name
    path.write_bytes(content)
    return path, lambda: read(path)


def _trees(folder: Path, suffix: str) -> tuple[Path, Callable[[], object]]:
    import xgboost

    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 3))
    booster = xgboost.train(
        {"objective": "binary:logistic", "max_depth": 2, "nthread": 1},
        xgboost.DMatrix(x, x[:, 0] > 0, feature_names=["a", "b", "c"]),
        3,
    )
    path = folder / f"m{suffix}"
    booster.save_model(path)
    return path, lambda: boost.load(path)


def _profile(folder: Path) -> tuple[Path, Callable[[], object]]:
    from auditor.resources import resource

    content = (resource("configs/profiles") / "public.yaml").read_bytes()
    return _file(folder, "mine.yaml", content, lambda path: load_profile(str(path)))


def _device(name: str, folder: Path) -> tuple[Path, Callable[[], object]]:
    """A recording as a device writes it."""
    path = DEVICES[name][0](folder / "r.bin")
    reader = READERS[name]

    def read() -> None:
        reader.find(folder)
        reader.read(folder, path.name)
        reader.texts(folder, path.name)

    return path, read


_SAMPLES = ("columns with a header", "NumPy", "npz", "MATLAB 5", "MATLAB 7.3")
_WAIVERS = b"""- rule: a
  finding: identifiers
  owner: me
  reason: because
  expires: 2030-01-01
"""
_MODEL = b"task: af\nfile: m.json\nmembers: rows.csv\ninputs: [a, b]\nlabels: {af: has_af}\n"
#: What is changed, and how it is read.
KINDS: Mapping[str, Callable[[Path], tuple[Path, Callable[[], object]]]] = {
    "header": lambda folder: _records(folder, "a.hea"),
    "signal": lambda folder: _records(folder, "a.dat"),
    "hdf5": _rows,
    **{f"samples-{kind.replace(' ', '-')}": partial(_samples, kind=kind) for kind in _SAMPLES},
    "companion": lambda folder: _records(folder, "people.csv"),
    "descriptor": lambda folder: _records(folder, "auditor.yaml"),
    "stray": lambda folder: (_records(folder, "")[0] / "stray.txt", lambda: _opened(folder)),
    "json": lambda folder: _file(
        folder, "t.json", b'[{"a": {"b": [1, 2]}, "c": null}, {"c": "x"}]', read_sheets
    ),
    "profile": _profile,
    "waivers": lambda folder: _file(folder, "w.yaml", _WAIVERS, load_waivers),
    "model": lambda folder: _file(folder, "model.yaml", _MODEL, description.read),
    "trees-json": lambda folder: _trees(folder, ".json"),
    "trees-ubj": lambda folder: _trees(folder, ".ubj"),
    **{name: partial(_device, name) for name in DEVICES},
    "audit": lambda folder: _file(
        folder, "audit.json", RELEASED.read_bytes(), lambda path: html.render(report.read(path))
    ),
}


def _late(*ignored: object) -> None:
    raise TimeoutError(f"was not read in {SECONDS} s")


def main(kinds: str, first: int, n: int, folder: Path) -> None:
    """Read some mutations; any error but one of ours ends the process."""
    with open("/proc/self/statm", encoding="ascii") as file:
        held = int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (held + MEMORY, held + MEMORY))
    signal.signal(signal.SIGALRM, _late)
    for kind in kinds.split(","):
        place = folder / kind
        place.mkdir()
        path, read = KINDS[kind](place)
        good = path.read_bytes() if path.exists() else b"key,name\n1,Ingeborg\n2,Aoife\n"
        path.write_bytes(good)
        read()  # what is not changed is read
        for number in range(first, first + n):
            print(f"{kind}/{number}", flush=True)
            path.write_bytes(mutated(good, np.random.default_rng(number)))
            _read(read)


def _read(read: Callable[[], object]) -> None:
    signal.alarm(SECONDS)
    said = ""
    try:
        read()
    except AuditorError as error:
        said = str(error)
    signal.alarm(0)
    assert "\n" not in said, "more than one line"
    assert "root:" not in said, "tells of a file outside"


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))

"""Pictures show what their table says, and know of ECG and person what they are told to."""

from __future__ import annotations

import re
from dataclasses import replace
from hashlib import sha256

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import cross_val_predict

from auditor.core.errors import ConfigError, DataError
from auditor.data.pairs import read_pairs
from auditor.simulate.pairs import LABELS, SEGMENTS, PairedPopulation
from auditor.simulate.population import z_scores

SMALL = PairedPopulation(n_subjects=3, size=32, frames=6, seed=3)


def drawn(pictures: PairedPopulation) -> tuple[np.ndarray, np.ndarray]:
    """Radiographs and cines of all visits, person by person."""
    radiographs, cines = zip(*pictures.pictures(), strict=True)
    return np.concatenate(radiographs), np.concatenate(cines)


def matched(pictures: PairedPopulation) -> np.ndarray:
    """Rank-1 of second visits among first ones, by radiograph and by the cine's first frame."""
    radiographs, cines = drawn(pictures)
    found = []
    for images in (radiographs, cines[:, 0]):
        flat = images.reshape(len(images), -1).astype(np.float64)
        flat -= flat.mean(axis=1, keepdims=True)
        flat /= np.linalg.norm(flat, axis=1, keepdims=True)
        rank = (flat[1::2] @ flat[::2].T).argmax(axis=1)
        found.append((rank == np.arange(len(rank))).mean())
    return np.array(found)


def told_by_ecg(pictures: PairedPopulation, column: str) -> float:
    """R² of a ridge regression on the hearts behind the ECGs, on people it has not seen."""
    traits = pictures.population.traits()[::2]
    wanted = pictures.table()[column].to_numpy(dtype=np.float64)[::2]
    guessed = cross_val_predict(RidgeCV(np.logspace(-1, 4, 6)), z_scores(traits), wanted, cv=5)
    return 1 - np.square(wanted - guessed).sum() / np.square(wanted - wanted.mean()).sum()


def test_two_pictures_of_a_person_are_matched_where_an_identity_is_planted():
    people = PairedPopulation(40, physiology=0.0, frames=2, seed=1)
    assert (matched(people) > 0.5).all()  # 1/40 by chance


def test_without_identity_and_physiology_two_visits_are_no_more_alike_than_strangers():
    rates = [
        matched(PairedPopulation(30, size=32, identity=0.0, physiology=0.0, frames=2, seed=seed))
        for seed in range(6)
    ]
    assert np.mean(rates) < 0.08  # 1/30 by chance, of 360 trials


def test_physiology_alone_ties_the_visits_of_a_person_loosely():
    some = matched(PairedPopulation(40, identity=0.0, frames=2, seed=1))
    assert (some < 0.5).all()
    assert (some > 1 / 40).any()


@pytest.mark.parametrize("column", ["LVEDV_ml", "LVEF_percent"])
def test_the_ecg_tells_the_phenotypes_as_far_as_physiology_says(column):
    plain = PairedPopulation(300, seed=2)
    column = f"phenotype_{column}"
    r2 = [told_by_ecg(replace(plain, physiology=known), column) for known in (1.0, 0.6, 0.0)]
    assert r2[0] > 0.3
    assert r2[0] > r2[1] > r2[2] + 0.05
    assert r2[2] < 0.03


def test_the_ecg_does_not_know_the_identity_of_the_pictures():
    """What is left of a picture without physiology, from the traits of the person's ECG."""
    people = PairedPopulation(200, n_visits=1, size=32, frames=2, physiology=0.0, seed=4)
    radiographs, _ = drawn(people)
    flat = radiographs.reshape(len(radiographs), -1).astype(np.float64)
    components = np.linalg.svd(flat - flat.mean(axis=0), full_matrices=False)[0][:, :5]
    traits = z_scores(people.population.traits())
    guessed = cross_val_predict(RidgeCV(np.logspace(-1, 5, 7)), traits, components, cv=5)
    assert 1 - np.square(components - guessed).sum() / np.square(components).sum() < 0.03


def cavities(cines: np.ndarray) -> np.ndarray:
    """Where the left ventricle's blood is: it is the brightest thing of each cine."""
    white = np.percentile(cines, 99, axis=(1, 2, 3), keepdims=True)
    return cines > 0.88 * white


def test_the_cine_holds_the_volumes_of_the_table():
    """Counted in pixels of 1 mm, without the formulas of the drawing's radii."""
    people = PairedPopulation(15, identity=0.0, size=128, seed=5)
    table = people.table()
    area = cavities(drawn(people)[1]).sum(axis=(2, 3))
    volume = 5 / 6 * area[:, 0] * 3.5 * np.sqrt(area[:, 0] / np.pi) / 1000
    assert np.corrcoef(volume, table["phenotype_LVEDV_ml"])[0, 1] > 0.97
    assert np.median(volume / table["phenotype_LVEDV_ml"]) == pytest.approx(1, abs=0.12)
    ejected = 100 * (1 - 0.85 * area[:, 4] / area[:, 0])
    assert np.corrcoef(ejected, table["phenotype_LVEF_percent"])[0, 1] > 0.95
    assert np.median(ejected - table["phenotype_LVEF_percent"]) == pytest.approx(0, abs=3)
    assert (area.argmin(axis=1) == 4).mean() > 0.9


def test_the_wall_moves_least_where_its_strain_is_least():
    people = PairedPopulation(20, identity=0.0, frames=3, size=96, seed=6)
    cavity = cavities(drawn(people)[1])
    table = people.table()
    at = (np.arange(96) + 0.5) / 48 - 1
    angle = np.rad2deg(np.arctan2(at[:, None], at[None]))
    for segment, middle in (("anterior", -90), ("inferior", 90), ("inferolateral", 30)):
        inside = np.abs((angle - middle + 180) % 360 - 180) < 20
        # The second frame of three is end-systole.
        diastole, systole = ((cavity[:, frame] & inside).sum(axis=(1, 2)) for frame in (0, 1))
        shortened = 100 * (1 - np.sqrt(systole / diastole))
        wanted = -table[f"phenotype_strain_{segment}_percent"]
        assert np.corrcoef(shortened, wanted)[0, 1] > 0.7
        assert np.median(shortened - wanted) == pytest.approx(0, abs=4)


def test_the_heart_shadow_is_as_wide_as_its_share_of_the_thorax():
    """Without fluid, between the lungs that it meets on both sides; the thorax is 0.72 wide."""
    people = PairedPopulation(40, identity=0.0, size=128, frames=2, seed=7)
    dry = (people.table()[["Edema", "Pleural Effusion"]] == 0).all(axis=1)
    rows = drawn(people)[0][:, 82:86, 26:102].mean(axis=1)
    width = (rows > 0.55 * 255).sum(axis=1) * 2 / 128
    ratio, wanted = (values[dry] for values in (width / (2 * 0.72), people.anatomy.ctr))
    assert np.corrcoef(ratio, wanted)[0, 1] > 0.9
    assert np.median(ratio - wanted) == pytest.approx(0, abs=0.03)


def test_fluid_whitens_the_lungs_and_an_effusion_their_bases():
    people = PairedPopulation(60, identity=0.0, frames=2, seed=7)
    radiographs, _ = drawn(people)
    lungs = radiographs[:, 20:30, 12:24].mean(axis=(1, 2))
    assert np.corrcoef(lungs, people.anatomy.edema)[0, 1] > 0.5
    base = radiographs[:, 44:48, 10:16].mean(axis=(1, 2))
    effusion = people.table()["Pleural Effusion"] == 1
    assert base[effusion].mean() > base[~effusion].mean() + 25


def test_labels_follow_from_what_is_shown_and_the_report_says_the_same():
    people = PairedPopulation(150, seed=8)
    table, anatomy = people.table(), people.anatomy
    assert (table["Cardiomegaly"] == (anatomy.ctr > 0.5)).all()
    for name, value in (("Edema", anatomy.edema), ("Pleural Effusion", anatomy.effusion)):
        assert value[table[name] == 1].min() > value[table[name] == 0].max()
    assert ((table[list(LABELS)].mean() > 0.08) & (table[list(LABELS)].mean() < 0.25)).all()
    for row, report in zip(table.to_dict("records"), people.reports(), strict=True):
        impression = report.partition("IMPRESSION:")[2].lower()
        assert [name.lower() in impression for name in LABELS] == [row[name] for name in LABELS]
        quoted = int(re.search(r"about (\d+) %", report)[1])
        assert abs(quoted - row["phenotype_LVEF_percent"]) < 2.6
        assert not re.search(r"p\d{4}|\d{2}[./-]\d{2}|female|male\b|years", report)


def test_phenotypes_are_those_of_hearts():
    table = PairedPopulation(200, seed=9).table()
    edv, esv, ef, mass = (
        table[f"phenotype_{name}"] for name in ("LVEDV_ml", "LVESV_ml", "LVEF_percent", "LVM_g")
    )
    assert np.allclose(ef, 100 * (edv - esv) / edv, atol=0.1)
    assert edv.between(40, 300).all()
    assert ef.between(20, 75).all()
    assert mass.between(50, 350).all()
    assert sum(name.startswith("phenotype_") for name in table) == 4 + 2 * len(SEGMENTS)


def test_more_people_and_other_knobs_change_nobodys_ecg():
    more = replace(SMALL, n_subjects=5, identity=0.0, physiology=0.3)
    assert np.array_equal(more.latents[:3], SMALL.latents)
    pairs = zip(SMALL.population.hearts(), more.population.hearts(), strict=False)
    assert all(np.array_equal(one.traits, other.traits) for one, other in pairs)


@pytest.mark.parametrize(
    "wrong", [{"n_subjects": 0}, {"size": 8}, {"identity": -1.0}, {"physiology": 1.5}, {"seed": -1}]
)
def test_settings_that_make_no_pictures_are_refused(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        replace(SMALL, **wrong)


# --- What is written, and read -------------------------------------------------------------------


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    root = tmp_path_factory.mktemp("pairs")
    heard = []
    SMALL.write(root, lambda done, total: heard.append((done, total)))
    assert heard == [(done, 12) for done in range(1, 13)]
    return root


def digests(root) -> dict[str, str]:
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): sha256(path.read_bytes()).hexdigest() for path in files}


def test_the_same_seed_gives_the_same_bytes_and_another_others(written, tmp_path):
    SMALL.write(tmp_path / "again")
    assert digests(tmp_path / "again") == digests(written)
    replace(SMALL, seed=4).write(tmp_path / "other")
    other = digests(tmp_path / "other")
    pictures = [name for name in other if name.endswith((".png", ".npy"))]
    assert len(pictures) == 12
    assert not any(other[name] == digests(written)[name] for name in pictures)


def test_what_is_written_is_read(written):
    pairs = read_pairs(written)
    assert len(pairs) == 6
    assert list(pairs.subject) == ["p0001", "p0001", "p0002", "p0002", "p0003", "p0003"]
    radiographs, cines = drawn(SMALL)
    assert pairs.cxr([4, 1]).dtype == np.float32
    assert np.array_equal(np.rint(255 * pairs.cxr([4, 1])), radiographs[[4, 1]])
    assert np.array_equal(pairs.cmr(range(6)), cines)
    assert [pairs.report(row) for row in range(6)] == list(SMALL.reports())
    pd.testing.assert_frame_equal(
        pairs.table.filter(like="phenotype_"), SMALL.table().filter(like="phenotype_")
    )
    record = pairs.ecg(3)
    made = list(SMALL.population.records())[3]
    assert (record.subject, record.session, record.leads) == ("p0002", "2", made.leads)
    assert record.attributes == made.attributes
    assert np.allclose(record.signal, made.signal, atol=6e-4)


def test_a_stewards_own_table_needs_no_more_than_the_ecgs(written, tmp_path):
    SMALL.write(tmp_path)
    (tmp_path / "pairs.csv").write_text(
        "visit,subject_id,ecg,cxr,Edema,age\n"
        "a,007,ecg/p0001/s1_r1,cxr/p0001/1.png,,41\n"
        "b,007,ecg/p0001/s2_r1,,1.0,\n"
    )
    pairs = read_pairs(tmp_path)
    assert list(pairs.subject) == ["007", "007"]
    assert np.isnan(pairs.table["Edema"][0])
    assert pairs.ecg(0).attributes["age"] == 41.0
    assert pairs.cxr([0]).shape == (1, 32, 32)
    with pytest.raises(DataError, match="line 3: names no cxr"):
        pairs.cxr([1])
    with pytest.raises(DataError, match="no column cmr"):
        pairs.cmr([0])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("subject_id,visit\np,1\n", "no column ecg"),
        ("subject_id,visit,ecg\n", "no rows"),
        ("subject_id,visit,ecg\n,1,e\n", "subject_id is empty in 1 rows"),
        ("subject_id,visit,ecg,ecg\np,1,e,e\n", "one name"),
        ("subject_id,visit,ecg,age\np,1,e,old\n", "'age' holds something else"),
        ("subject_id,visit,ecg\np,1\n", "differ in length"),
        ("subject_id,visit,ecg\np,1,e,more\n", "differ in length"),
        ("", "is empty"),
    ],
)
def test_a_table_that_is_none_is_refused_in_one_line(tmp_path, text, said):
    (tmp_path / "pairs.csv").write_text(text)
    with pytest.raises(DataError, match=said) as refused:
        read_pairs(tmp_path)
    assert "\n" not in str(refused.value)


def test_a_folder_without_a_table_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"pairs\.csv: is not there"):
        read_pairs(tmp_path)


@pytest.mark.parametrize("path", ["../secret", "/etc/hostname", "link"])
def test_no_file_outside_the_folder_is_opened(tmp_path, path):
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "secret").write_text("of another")
    (root / "link").symlink_to(tmp_path / "secret")
    (root / "pairs.csv").write_text(
        f"subject_id,visit,ecg,cxr,cmr,report\np,1,{path},{path},{path},{path}\n"
    )
    pairs = read_pairs(root)
    for read in (lambda: pairs.cxr([0]), lambda: pairs.cmr([0]), lambda: pairs.report(0)):
        with pytest.raises(DataError, match="outside the folder"):
            read()
    with pytest.raises(DataError, match=r"outside the folder|no file of the folder"):
        pairs.ecg(0)


@pytest.mark.parametrize("path", ["absent", "x" * 5000, "a\0b", "."])
def test_a_file_that_is_not_there_is_one_line(tmp_path, path):
    (tmp_path / "pairs.csv").write_text(
        f"subject_id,visit,ecg,cxr,cmr,report\np,1,{path},{path},{path},{path}\n"
    )
    pairs = read_pairs(tmp_path)
    for read in (
        lambda: pairs.ecg(0),
        lambda: pairs.cxr([0]),
        lambda: pairs.cmr([0]),
        lambda: pairs.report(0),
    ):
        with pytest.raises(DataError, match=r"line 2: its \w+ is no file") as refused:
            read()
        assert "\n" not in str(refused.value)


def test_pictures_that_are_none_are_refused(tmp_path):
    grey = np.zeros((32, 32), dtype=np.uint8)
    names = ["good", "small", "colour", "wide", "cut", "words"]
    Image.fromarray(grey).save(tmp_path / "good.png")
    Image.fromarray(grey[:16, :16]).save(tmp_path / "small.png")
    Image.fromarray(np.stack([grey] * 3, axis=2)).save(tmp_path / "colour.png")
    Image.fromarray(grey[:16]).save(tmp_path / "wide.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "good.png").read_bytes()[:50])
    (tmp_path / "words.png").write_text("no picture")
    rows = "".join(f"p,{name},e,{name}.png\n" for name in names)
    (tmp_path / "pairs.csv").write_text(f"subject_id,visit,ecg,cxr\n{rows}")
    pairs = read_pairs(tmp_path)
    assert pairs.cxr([0]).max() == 0
    for rows, said in (
        ([0, 1], "resize"), ([2], "8-bit grey"), ([3], "square"), ([4], "damaged"),
        ([5], "damaged"), ([], "at least one row"),
    ):  # fmt: skip
        with pytest.raises(DataError, match=said):
            pairs.cxr(rows)


def test_cines_that_are_none_are_refused_and_no_object_is_loaded(tmp_path):
    cine = np.zeros((4, 32, 32), dtype=np.uint8)
    np.save(tmp_path / "good.npy", cine)
    np.save(tmp_path / "float.npy", cine.astype(np.float32))
    np.save(tmp_path / "flat.npy", cine[0])
    np.save(tmp_path / "objects.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "zip", cine)
    (tmp_path / "zip.npz").rename(tmp_path / "zip.npy")
    # A header that claims more than the file holds.
    claim = (tmp_path / "good.npy").read_bytes().replace(b"(4, 32, 32)", b"(199,4096,4096)"[:11])
    (tmp_path / "claim.npy").write_bytes(claim.replace(b"(199,4096,4", b"(199,999,9)"))
    names = ["good", "float", "flat", "objects", "zip", "claim"]
    rows = "".join(f"p,{name},e,{name}.npy\n" for name in names)
    (tmp_path / "pairs.csv").write_text(f"subject_id,visit,ecg,cmr\n{rows}")
    pairs = read_pairs(tmp_path)
    assert pairs.cmr([0]).shape == (1, 4, 32, 32)
    for row, said in enumerate(("uint8", "uint8", "damaged", "damaged", "damaged"), 1):
        with pytest.raises(DataError, match=said):
            pairs.cmr([row])


def test_a_report_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "bytes.txt").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "long.txt").write_bytes(b"a" * 1_000_001)
    (tmp_path / "pairs.csv").write_text(
        "subject_id,visit,ecg,report\np,1,e,bytes.txt\np,2,e,long.txt\n"
    )
    pairs = read_pairs(tmp_path)
    with pytest.raises(DataError, match="UTF-8"):
        pairs.report(0)
    with pytest.raises(DataError, match="larger"):
        pairs.report(1)

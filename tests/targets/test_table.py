"""A model's table: the same numbers however they are written, and what is no number is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from click.testing import CliRunner

from auditor import cli
from auditor.core.errors import ModelError
from auditor.core.streams import stream
from auditor.core.target import Target
from auditor.data import sheets
from auditor.engine import engine
from auditor.learning import boost
from auditor.systems.open import open_target
from auditor.targets.release import Release

INPUTS = ("sex", "age", "rr", "qrs")
N = 120
#: How a number is written, by its column.
Way = Mapping[str, Callable[[float], str]]


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    rng = stream(0, "rows")
    return pd.DataFrame(
        {
            "patient": [f"{one // 2:03d}" for one in range(N)],
            "used": np.arange(N) // 2 % 2,
            "has_it": rng.integers(0, 2, N),
            "sex": rng.integers(0, 2, N),
            "age": rng.integers(20, 88, N),
            "rr": np.round(rng.normal(1000, 120, N), 2),
            "qrs": np.round(rng.normal(96, 14, N), 2),
        }
    )


@pytest.fixture
def folder(tmp_path: Path, rows: pd.DataFrame) -> Path:
    inputs = rows[list(INPUTS)].to_numpy(np.float32)
    found = boost.fit(
        boost.Trees(5, 3), inputs, rows["has_it"].to_numpy() == 1, None, None, INPUTS, 0
    )
    found.save_model(tmp_path / "m.json")
    says(tmp_path)
    return tmp_path


def says(folder: Path, **more: Any) -> None:
    told = {
        "task": "it",
        "file": "m.json",
        "members": "rows.csv",
        "columns": {"subject": "patient", "part": "used"},
        "parts": {"members": "1", "nonmembers": "0"},
        "inputs": list(INPUTS),
        "labels": {"it": "has_it"},
    }
    (folder / "model.yaml").write_text(yaml.safe_dump(told | more), encoding="utf-8")


def opened(folder: Path, table: pd.DataFrame | None = None, **how: Any) -> Target:
    if table is not None:
        table.to_csv(folder / "rows.csv", index=False, **how)
    (folder / "data").mkdir(exist_ok=True)
    with engine(1) as workers:
        return open_target(folder, Release.open(folder / "data", workers, may_be_empty=True))


def refusal(folder: Path, table: pd.DataFrame, **how: Any) -> str:
    with pytest.raises(ModelError) as caught:
        opened(folder, table, **how)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def same(one: Target, other: Target) -> bool:
    """Whether two targets are equal to the bit."""
    return all(
        np.array_equal(getattr(one, name), getattr(other, name), equal_nan=name in FLOATS)
        for name in ("record", "subject", "session", "split", *FLOATS)
    )


FLOATS = ("male", "age", "y_true", "inputs")


def comma(value: float) -> str:
    return f"{value:.2f}".replace(".", ",")


# --- inputs -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("way", "how"),
    [
        ({}, {"sep": ";"}),
        ({}, {"sep": "\t", "encoding": "utf-16"}),
        ({}, {"encoding": "utf-8-sig"}),
        ({"rr": comma, "qrs": comma}, {}),
        ({"rr": comma, "qrs": comma}, {"sep": ";"}),
        ({"qrs": comma}, {}),
        ({"rr": lambda one: f"{one:,.2f}"}, {}),
        ({"rr": lambda one: f"{one:,.2f}".translate({44: ".", 46: ","})}, {}),
        ({"rr": lambda one: f"{one:,.2f}".replace(",", " ")}, {}),
        ({"rr": lambda one: f"{one:.2f} ms", "age": lambda one: f"{one} y"}, {}),
        ({"rr": lambda one: f" {one:.5e} "}, {}),
        ({"sex": lambda one: str(bool(one))}, {}),
    ],
    ids=[
        *("semicolons", "tabs in UTF-16", "a byte order mark", "commas", "commas and semicolons"),
        *("one column with commas", "thousands", "thousands with points", "thousands with spaces"),
        *("units", "powers of ten", "words for the sexes"),
    ],
)
def test_the_same_numbers_in_another_form_are_the_same(way: Way, how, folder, rows):
    plain = opened(folder, rows)
    written = rows.assign(**{name: list(map(form, rows[name])) for name, form in way.items()})
    assert same(opened(folder, written, **how), plain)


def test_a_typed_table_is_read_by_its_types(folder, rows):
    plain = opened(folder, rows)
    says(folder, members="rows.parquet")
    rows.astype({"rr": "float32", "age": "Int16", "sex": bool}).to_parquet(folder / "rows.parquet")
    assert same(opened(folder), plain)
    rows.assign(rr=rows["rr"].map(comma)).to_parquet(folder / "rows.parquet")
    assert same(opened(folder), plain)


@pytest.mark.parametrize("empty", ["", "NA", "nan", "n/a", "unknown", "-"])
def test_an_empty_cell_is_not_known(empty, folder, rows):
    cells = rows["rr"].astype(str)
    cells[:5] = empty
    seen = opened(folder, rows.assign(rr=cells))
    assert np.isnan(seen.inputs[:, 2]).tolist() == [True] * 5 + [False] * (N - 5)


@pytest.mark.parametrize(
    ("cell", "n"),
    [("prolonged", 5), ("<120", 5), ("1;2", 5), ("inf", 5), ("1e39", 5), ("12:30", 5), ("0x1f", 5)],
)
def test_a_cell_that_is_no_number_is_refused_and_not_quoted(cell, n, folder, rows):
    cells = rows["rr"].astype(str)
    cells[:n] = cell
    said = refusal(folder, rows.assign(rr=cells))
    assert f"column rr: {n} of {N} cells are no number; wanted" in said
    assert cell not in said


@pytest.mark.parametrize(
    "mixed",
    [
        lambda at, one: comma(one) if at % 2 else f"{one:.2f}",
        lambda at, one: f"{one:.2f} ms" if at % 2 else f"{one / 1000:.5f} s",
        lambda at, one: f"{round(one):,}" if one >= 1000 else str(round(one)),
    ],
)
def test_a_column_that_can_be_read_in_two_ways_is_refused(mixed, folder, rows):
    said = refusal(folder, rows.assign(rr=[mixed(at, one) for at, one in enumerate(rows["rr"])]))
    assert "column rr: " in said
    assert "all with one decimal mark" in said


def test_an_infinite_number_of_a_typed_table_is_refused(folder, rows):
    says(folder, members="rows.parquet")
    rows.assign(rr=[np.inf, *rows["rr"][1:]]).to_parquet(folder / "rows.parquet")
    with pytest.raises(ModelError, match=f"column rr: 1 of {N} cells are no number"):
        opened(folder)


def test_an_input_that_is_known_of_nobody_ends_the_audit_of_the_model(folder, rows):
    assert "input qrs: no record has a number" in refusal(folder, rows.assign(qrs=""))
    assert "has no column 'qrs'" in refusal(folder, rows.drop(columns="qrs"))


def test_numbers_that_hold_the_separator_without_quotes_are_refused(folder, rows):
    (folder / "rows.csv").write_text(
        ",".join(rows.columns)
        + "\n"
        + "\n".join(",".join(map(str, one)).replace(".", ",") for one in rows.to_numpy()),
        encoding="utf-8",
    )
    with pytest.raises(ModelError, match=rf"rows\.csv: {N} rows hold more cells"):
        opened(folder)


def test_a_table_that_cannot_be_read_as_numbers_ends_in_one_line(folder, rows):
    rows.assign(rr="long").to_csv(folder / "rows.csv", index=False)
    (folder / "data").mkdir()
    words = ["scan", folder / "data", "--model", folder, "--quiet", "--out", folder / "out"]
    done = CliRunner().invoke(cli.main, list(map(str, words)))
    assert done.exit_code == 2
    assert len(done.output.splitlines()) == 1
    assert "column rr" in done.output
    assert not (folder / "out" / "audit.json").exists()


# --- labels -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("no", "yes"),
    [
        *(("0", "1"), ("0.0", "1.0"), ("0,0", "1,0"), ("no", "yes"), ("N", "Y")),
        *(("False", "True"), ("negative", "positive"), (" No ", "YES")),
    ],
)
def test_a_label_may_be_a_number_or_a_word(no, yes, folder, rows):
    plain = opened(folder, rows)
    assert same(opened(folder, rows.assign(has_it=rows["has_it"].map({0: no, 1: yes}))), plain)


def test_a_label_that_is_empty_or_minus_one_is_not_known(folder, rows):
    label = rows["has_it"].astype(str)
    label[:2], label[2:4] = "", "-1"
    seen = opened(folder, rows.assign(has_it=label))
    assert np.isnan(seen.y_true[:, 0]).tolist() == [True] * 4 + [False] * (N - 4)


@pytest.mark.parametrize(
    ("no", "yes", "told"),
    [
        ("1", "2", "label has_it holds 1 and 2; wanted 0 and 1"),
        ("-1", "1", "label has_it holds -1 and 1; wanted 0 and 1"),
        ("0", "2", "label has_it holds 0 and 2; wanted 0 and 1"),
        ("healthy", "ill", f"label has_it: {N} of {N} cells are neither yes nor no"),
        ("0.25", "0.75", f"label has_it: {N} of {N} cells are neither yes nor no"),
        ("no", "4711", "cells are neither yes nor no; wanted 0 and 1"),
    ],
)
def test_a_label_that_says_something_else_is_refused(no, yes, told, folder, rows):
    said = refusal(folder, rows.assign(has_it=rows["has_it"].map({0: no, 1: yes})))
    assert told in said
    assert "4711" not in said


# --- sex, age, and whose each record is ---------------------------------------------------


@pytest.fixture
def of_waves(folder, rows) -> pd.DataFrame:
    """The table of a model that is not asked with sex and age, which stand there nonetheless."""
    names = ("rr", "qrs")
    inputs = rows[list(names)].to_numpy(np.float32)
    event = rows["has_it"].to_numpy() == 1
    boost.fit(boost.Trees(5, 3), inputs, event, None, None, names, 0).save_model(folder / "m.json")
    says(folder, inputs=list(names))
    return rows.assign(sex=rows["sex"].map({0: "female", 1: "male"}))


@pytest.mark.parametrize("words", [("F", "M"), ("Female", "MALE"), ("weiblich", "männlich")])
def test_sex_may_be_any_of_the_words_for_it(words, folder, of_waves):
    plain = opened(folder, of_waves)
    assert set(plain.male) == {0.0, 1.0}
    spoken = of_waves["sex"].map(dict(zip(("female", "male"), words, strict=True)))
    assert same(opened(folder, of_waves.assign(sex=spoken)), plain)


@pytest.mark.parametrize(
    ("female", "male", "told"), [("0", "1", "01"), ("1.0", "2.0", "12"), ("A", "B", "AB")]
)
def test_sex_may_be_a_code_that_the_description_tells(female, male, told, folder, of_waves):
    plain = opened(folder, of_waves)
    table = of_waves.assign(sex=of_waves["sex"].map({"female": female, "male": male}))
    assert f"column sex: {N} of {N} cells are no sex" in refusal(folder, table)
    sexes = dict(zip(told, ("female", "male"), strict=True))
    columns = {"subject": "patient", "part": "used", "sexes": sexes}
    says(folder, inputs=["rr", "qrs"], columns=columns)
    assert same(opened(folder, table), plain)


def test_an_input_called_sex_is_1_for_men_unless_the_description_tells_codes(folder, rows):
    assert np.array_equal(opened(folder, rows).male, rows["sex"])
    table = rows.assign(sex=rows["sex"] + 1)
    assert "input sex: holds other numbers than 0 and 1" in refusal(folder, table)
    columns = {"subject": "patient", "part": "used", "sexes": {"1": "male", "2": "female"}}
    says(folder, columns=columns)
    seen = opened(folder, table)
    assert np.array_equal(seen.male, 1 - rows["sex"])
    assert np.array_equal(seen.inputs[:, 0], table["sex"])


def test_ages_are_read_as_people_write_them(folder, of_waves):
    ages = [f"{one} years" for one in of_waves["age"]]
    ages[:5] = ["60-69", "18 months", ">89", "", "45.123456789"]
    seen = opened(folder, of_waves.assign(age=ages))
    assert seen.age[[0, 1, 2, 4]].tolist() == [64.5, 1.5, 90, 45.123456789]
    assert np.isnan(seen.age[3])
    assert np.array_equal(seen.age[5:], of_waves["age"][5:])
    said = refusal(folder, of_waves.assign(age="adult"))
    assert f"column age: {N} of {N} cells are no age; wanted years" in said


def test_a_column_that_is_named_and_not_there_is_refused(folder, rows):
    says(folder, columns={"subject": "patient", "part": "used", "sex": "gender"})
    assert "has no column 'gender'" in refusal(folder, rows)


def test_a_row_of_nobody_is_refused(folder, rows):
    patient = rows["patient"].copy()
    patient[3] = "NA"
    assert "rows without 'patient'" in refusal(folder, rows.assign(patient=patient))


def test_a_packed_table_is_read_so_far(folder, rows, monkeypatch):
    plain = opened(folder, rows)
    says(folder, members="rows.csv.gz")
    rows.to_csv(folder / "rows.csv.gz", index=False)
    assert same(opened(folder), plain)
    monkeypatch.setattr(sheets, "_MAX_UNPACKED", 1 << 10)
    with pytest.raises(ModelError, match=r"^rows\.csv\.gz: .*: unpacks to more than 0 MiB; write"):
        opened(folder)


def test_a_typed_table_that_names_a_column_twice_is_refused(folder, rows):
    columns = {name: pa.array(rows[name]) for name in rows}
    table = pa.table([*columns.values(), columns["rr"]], names=[*columns, "rr"])
    pq.write_table(table, folder / "rows.parquet")
    says(folder, members="rows.parquet")
    with pytest.raises(ModelError, match=r"rows\.parquet: names a column twice"):
        opened(folder)


# --- classes and values -------------------------------------------------------------------

RHYTHMS = ("sinus", "AF", "flutter")


@pytest.fixture
def of_classes(folder, rows) -> pd.DataFrame:
    """The table of a model of three classes, which it numbers."""
    return grown(folder, rows, rows["rr"].rank().to_numpy() * 3 // (N + 1), "multi:softprob", 3)


@pytest.fixture
def of_values(folder, rows) -> pd.DataFrame:
    """The table of a model of a value."""
    return grown(folder, rows, np.round(rows["rr"] / 150, 2), "reg:squarederror")


def grown(
    folder: Path, rows: pd.DataFrame, truth: Any, objective: str, n_classes: int = 0
) -> pd.DataFrame:
    table = rows.assign(has_it=truth)
    found = boost.fit(
        boost.Trees(5, 3),
        table[list(INPUTS)].to_numpy(np.float32),
        table["has_it"].to_numpy(),
        None,
        None,
        INPUTS,
        0,
        boost.Objective(objective, n_classes),
    )
    found.save_model(folder / "m.json")
    return table


def named(table: pd.DataFrame, words: tuple[str, ...]) -> pd.DataFrame:
    return table.assign(has_it=[words[int(one)] for one in table["has_it"]])


def test_classes_are_their_numbers_in_the_model_or_the_names_that_the_description_tells(
    folder, of_classes
):
    plain = opened(folder, of_classes)
    assert plain.kinds == {"it": "class"}
    assert np.array_equal(plain.y_true[:, 0], of_classes["has_it"])
    whole = of_classes.assign(has_it=of_classes["has_it"].astype(int))
    assert same(opened(folder, whole), plain)
    for words in (RHYTHMS, ("1", "2", "3"), ("b", "a", "c")):
        says(folder, classes={"it": list(words)})
        assert same(opened(folder, named(of_classes, words)), plain)
    says(folder, classes={"it": list(RHYTHMS)})
    assert same(opened(folder, named(of_classes, (" SINUS", "af", "Flutter "))), plain)


def test_a_class_that_is_empty_or_minus_one_is_not_known(folder, of_classes):
    label = of_classes["has_it"].astype(int).astype(str)
    label[:2], label[2:4] = "", "-1"
    seen = opened(folder, of_classes.assign(has_it=label))
    assert np.isnan(seen.y_true[:, 0]).tolist() == [True] * 4 + [False] * (N - 4)
    says(folder, classes={"it": list(RHYTHMS)})
    label = pd.Series(named(of_classes, RHYTHMS)["has_it"])
    label[:2], label[2:4] = "", "unknown"
    seen = opened(folder, of_classes.assign(has_it=label))
    assert np.isnan(seen.y_true[:, 0]).tolist() == [True] * 4 + [False] * (N - 4)


WANTED = "wanted 0 to 2, or in model.yaml under classes what each is called, in the model's order"


@pytest.mark.parametrize(
    ("words", "classes", "told"),
    [
        (("1", "2", "3"), None, f"label has_it holds 1, 2 and 3; {WANTED}"),
        (("0", "1", "7"), None, f"label has_it holds 0, 1 and 7; {WANTED}"),
        (RHYTHMS, None, f"label has_it: {N} of {N} cells are no class of the model; {WANTED}"),
        (("0", "1", "4711"), None, "cells are no class of the model"),
        (("0.2", "1.2", "2"), None, "cells are no class of the model"),
        (("sinus", "AF", "Doe"), RHYTHMS, "cells are no class of the model; wanted the 3 that"),
        (RHYTHMS, RHYTHMS[:2], "classes: it: names 2 classes; its model has 3"),
        (RHYTHMS, ("AF", "af", "x"), "names 3 classes, 2 of them different; its model has 3"),
        (RHYTHMS, (*RHYTHMS, "AF"), "names 4 classes, 3 of them different; its model has 3"),
    ],
    ids=str,
)
def test_other_classes_than_the_models_are_refused(words, classes, told, folder, of_classes):
    if classes:
        says(folder, classes={"it": list(classes)})
    said = refusal(folder, named(of_classes, words))
    assert told in said
    assert "4711" not in said
    assert "Doe" not in said


def test_names_of_classes_of_a_model_that_has_none_are_refused(folder, rows):
    says(folder, classes={"it": ["no", "yes"]})
    assert "classes: it: names 2 classes; its model has none" in refusal(folder, rows)


def test_values_are_read_as_people_write_them(folder, of_values):
    plain = opened(folder, of_values)
    assert plain.kinds == {"it": "value"}
    assert np.array_equal(plain.y_true[:, 0], of_values["has_it"])
    for write in (comma, lambda one: f"{one} mmol/l", lambda one: f"{comma(one)} mmol/l"):
        written = of_values.assign(has_it=of_values["has_it"].map(write))
        assert same(opened(folder, written), plain)
    label = of_values["has_it"].astype(str)
    label[:2] = ""
    seen = opened(folder, of_values.assign(has_it=label))
    assert np.isnan(seen.y_true[:, 0]).tolist() == [True] * 2 + [False] * (N - 2)


def test_what_is_no_value_is_refused(folder, of_values):
    said = refusal(folder, of_values.assign(has_it="much"))
    assert f"column has_it: {N} of {N} cells are no number" in said


@pytest.mark.parametrize(
    ("objective", "wanted"),
    [
        ("count:poisson", "0 or more"),
        ("reg:tweedie", "0 or more"),
        ("reg:gamma", "more than 0"),
        ("reg:squaredlogerror", "more than -1"),
    ],
)
def test_values_that_a_loss_is_not_of_are_refused(objective, wanted, folder, rows):
    table = grown(folder, rows, rows["qrs"].abs(), objective)
    assert np.isfinite(opened(folder, table).membership_signal()).all()
    table.loc[:4, "has_it"] = -1.0
    said = refusal(folder, table)
    assert f"label has_it: 5 of {N} cells are no values of a model with {objective}" in said
    assert said.endswith(f"wanted {wanted}")

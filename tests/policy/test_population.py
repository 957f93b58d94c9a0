"""A table of a population that a profile names, and what is refused as one."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from auditor.core.errors import ConfigError
from auditor.policy.population import read_population
from auditor.policy.profile import load_profile, recorded_profile
from auditor.stats.age_pyramid import OLDEST
from tests.towns import N, town

RULE = {
    "id": "risk", "check": "uniqueness", "estimate": "max_risk", "limit": 0.09,
    "basis": "our default",
}  # fmt: skip


def written(counts, open_from: int = OLDEST + 1) -> str:
    lines = ["sex,age,count"]
    for sex, row in zip(("female", "male"), counts, strict=True):
        lines += [f"{sex},{age},{row[age]}" for age in range(min(open_from, OLDEST + 1))]
        if open_from <= OLDEST:
            lines.append(f"{sex},{open_from}+,{row[open_from:].sum()}")
    return "\n".join(lines) + "\n"


def read(text: str):
    return read_population(Path("table.csv"), text.encode())


@pytest.mark.parametrize("open_from", [85, 100, OLDEST + 1])
def test_a_table_is_read_as_it_counts(open_from):
    from auditor.core.streams import stream

    counts = town(stream(0, "town"))
    table = read(written(counts, open_from))
    assert table.people == N
    assert (table.counts[:, :open_from] == counts[:, :open_from]).all()
    assert table.beyond.tolist() == counts[:, open_from:].sum(axis=1).tolist()


SMALL = "sex,age,count\nF,0,5\nM,0,4\nF,1+,9\nM,1+,8\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", ["columns", "sex, age, count"]),
        ("a,b\n1,2\n", ["a, b", "sex, age, count"]),
        (SMALL.replace("F,0", "X,0"), ["line 2", "sex", "X", "female or male"]),
        (SMALL.replace("F,0,5", "F,0-4,5"), ["line 2", "age", "0-4", "90+"]),
        (SMALL.replace("F,0,5", "F,0,5.5"), ["line 2", "count", "5.5", "whole number"]),
        (SMALL.replace("F,0,5", "F,0,"), ["line 2", "count"]),
        (SMALL + "F,0,5\n", ["line 6", "stands twice"]),
        (SMALL.replace("M,0,4\n", ""), ["male 0 is missing", "every single year"]),
        (SMALL.replace("M,1+", "M,2+"), ["other ages for women"]),
        (SMALL + "F,5,1\nM,5,1\n", ["beyond 1+"]),
        ("sex,age,count\nf,0,0\nm,0,0\n", ["counts nobody"]),
        ("sex,age,count\n", ["every year is missing"]),
    ],
)
def test_what_is_no_such_table_is_refused_in_one_line(text, told):
    assert read(SMALL).people == 26
    with pytest.raises(ConfigError) as error:
        read(text)
    assert "\n" not in str(error.value)
    for word in told:
        assert word in str(error.value)


def profile(folder: Path, text: str = SMALL, **more) -> str:
    (folder / "table.csv").write_text(text)
    told = {"title": "t", "context": "c", "population": 9, "population_table": "table.csv"}
    (folder / "own.yaml").write_text(yaml.safe_dump(told | {"rules": [RULE]} | more))
    return str(folder / "own.yaml")


def test_a_profile_reads_its_table_beside_it_and_records_which_it_was(tmp_path):
    found = load_profile(profile(tmp_path))
    assert found.population_table.table.people == 26
    block = found.recorded()["population_table"]
    assert (block["file"], block["people"]) == ("table.csv", 26)
    assert set(block) == {"file", "people", "digest"}
    assert recorded_profile(found.recorded()).population_table.digest == block["digest"]


@pytest.mark.parametrize("name", ["gone.csv", 7, ["table.csv"]])
def test_a_table_that_is_not_there_is_said(tmp_path, name):
    with pytest.raises(ConfigError, match=r"gone\.csv|population_table"):
        load_profile(profile(tmp_path, population_table=name))


def test_every_profile_that_rests_on_hipaas_list_judges_ages_over_89():
    from auditor.resources import names

    resting = []
    for name in names("profile"):
        rules = load_profile(name).rules
        if any("164.514(b)(2)(i)" in one.basis for one in rules):
            resting.append(name)
            (ages,) = [one for one in rules if one.estimate == "ages_over_89"]
            assert ages.required
            assert ages.limit == 0
    assert set(resting) == {"enclave", "hipaa-safe-harbor", "public", "registered"}

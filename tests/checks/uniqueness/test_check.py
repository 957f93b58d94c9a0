"""How small the groups are in which people stand alike, here and in a town."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.checks.base import Measured
from auditor.checks.uniqueness.check import Uniqueness
from auditor.checks.uniqueness.classes import known_of, people_alike
from auditor.checks.uniqueness.public import read_public
from auditor.core.errors import ConfigError
from auditor.core.evidence import Likeness
from auditor.core.streams import stream
from auditor.policy.profile import load_profile
from auditor.stats import age_pyramid
from auditor.stats.age_pyramid import OLDEST, PopulationTable
from auditor.stats.likeness import ages_seen
from tests.towns import N, manifest, most_exposed, sample, town

TOWN = town(stream(0, "town"))
LIMIT = next(one.limit for one in load_profile("public").rules if one.check == "uniqueness")


def release(**columns) -> pd.DataFrame:
    """A manifest of a record each, unless `subject` says otherwise."""
    n = len(next(iter(columns.values())))
    plain = {
        "subject": [f"p{place:04d}" for place in range(n)],
        "sex": ["female", "male"] * (n // 2) + ["female"] * (n % 2),
        "age": [50.0] * n,
        "age_pooled": [False] * n,
        "taken_at": [pd.NaT] * n,
    }
    return pd.DataFrame(plain | columns)


def attacked(
    of: pd.DataFrame, check: Uniqueness | None = None, *, shifted: bool = False
) -> Likeness:
    said = SimpleNamespace(shifted=shifted)
    context = SimpleNamespace(dataset=SimpleNamespace(manifest=of, descriptor=said))
    check = check or Uniqueness(population=N)
    assert check.unmet(context) is None
    return check.attack(context, stream(0, "attack"))


def measured(of: pd.DataFrame, check: Uniqueness | None = None) -> Measured:
    check = check or Uniqueness(population=N)
    return check.estimate(attacked(of, check), 0.95, lambda *part: stream(0, "/".join(part)))


def outcome(told: Measured) -> str:
    one = told.estimates["max_risk"]
    return "pass" if one.high <= LIMIT else "fail" if one.low > LIMIT else "inconclusive"


def days(*dates: str) -> list[pd.Timestamp]:
    return [pd.Timestamp(date) for date in dates]


# --- how many a person is among in a town -------------------------------------------------


@pytest.mark.parametrize("n", [60, 600])
def test_a_man_of_104_fails_and_without_him_the_middle_aged_pass(n):
    ages = list(np.linspace(30, 79, n))
    assert outcome(measured(release(age=ages))) == "pass"
    assert outcome(measured(release(age=[*ages, 104.0], sex=["male"] * (n + 1)))) == "fail"


def test_ages_from_90_on_as_one_group_pass_where_single_ones_do_not():
    drawn = sample(TOWN, 3_000, stream(1, "sample"))
    single, grouped = (measured(manifest(drawn, pooled=pooled)) for pooled in (False, True))
    assert outcome(single) != "pass"
    assert grouped.estimates["max_risk"].high < single.estimates["max_risk"].high


def test_bands_of_ages_are_classes_of_their_own_and_say_nothing_of_single_years():
    ages = [72.0, 77.0] * 20
    bands = attacked(release(age=ages, sex=["male"] * 40, age_pooled=[True, True] * 20))
    assert bands.sizes[:, -1].tolist() == [20] * 40
    assert ages_seen(bands)[0].sum() == 0
    mixed = attacked(release(age=ages, sex=["male"] * 40, age_pooled=[True] * 20 + [False] * 20))
    assert set(mixed.sizes[:, -1]) == {10}
    assert ages_seen(mixed)[0].sum() == 20


@pytest.mark.parametrize("hospital", [False, True])
@pytest.mark.parametrize("n", [300, 3_000])
def test_a_settled_outcome_is_the_true_one(n, hospital):
    for seed in range(2):
        rng = stream(seed, f"{n}/{hospital}")
        counts = town(rng)
        drawn = sample(counts, n, rng, hospital=hospital)
        told = outcome(measured(manifest(drawn)))
        true = "pass" if most_exposed(counts, drawn) <= LIMIT else "fail"
        assert told in (true, "inconclusive")


def test_with_a_table_of_the_population_nothing_is_left_open():
    table = PopulationTable(TOWN, OLDEST + 1, np.zeros(2, dtype=np.int64))
    for n in (300, 3_000):
        drawn = sample(TOWN, n, stream(n, "sample"))
        check = Uniqueness(population=7, table=table)
        told = measured(manifest(drawn), check)
        one = told.estimates["max_risk"]
        assert one.low == one.value == one.high == most_exposed(TOWN, drawn)
        assert told.params["population"] == N


def test_every_number_has_a_range_and_lies_in_it():
    told = measured(manifest(sample(TOWN, 1_000, stream(2, "sample"))))
    assert {"max_risk", "mean_risk", "alone_by_sizes"} <= set(told.estimates)
    for one in told.estimates.values():
        assert 0 <= one.low <= one.value <= one.high <= 1


def test_a_model_that_does_not_fit_leaves_the_finding_without_a_number(monkeypatch):
    from auditor.core.errors import NotFittedError

    monkeypatch.setattr(age_pyramid, "_STEPS", 0)
    with pytest.raises(NotFittedError):
        measured(release(age=np.linspace(30, 99, 40)))


def test_a_person_is_as_exposed_as_by_the_rarest_recording():
    ages = [60.0, 110.0, *[40.0] * 10]
    once = [f"p{place}" for place in range(12)]
    twice = ["p0", "p0", *once[2:]]
    told = measured(release(age=ages, subject=twice, sex=["male"] * 12))
    assert told.estimates["max_risk"].value == 1
    assert told.estimates["max_risk"].n_subjects == 11


def test_a_known_day_or_gap_leaves_nowhere_to_hide():
    alike = release(age=[50.0] * 20, taken_at=days(*["2020-01-01"] * 20))
    assert measured(alike).estimates["max_risk"].value == pytest.approx(1 / 10)
    day = alike.assign(taken_at=days(*["2020-01-01"] * 19, "2020-01-02"))
    assert measured(day).estimates["max_risk"].value == 1


def test_dates_that_were_shifted_keep_the_gaps_between_them():
    subject = [f"p{place}" for place in range(12) for _ in range(2)]
    shift = np.repeat(np.arange(12) * 100, 2)
    gap = np.array([0, 30] * 11 + [0, 31])
    when = pd.Timestamp("2001-01-01") + pd.to_timedelta(shift + gap, unit="D")
    people = release(subject=subject, sex=["male"] * 24, age=[50.0] * 24, taken_at=list(when))
    told = {row["known"]: row["share_unique"] for row in measured(people).params["known"]}
    assert told["sex + age"] == 0
    assert told["sex + age + gaps"] == pytest.approx(1 / 12, abs=0.01)


@pytest.mark.parametrize(("apart", "known"), [(37, False), (1, True)])
def test_dates_that_were_moved_are_not_known_where_they_look_moved(apart, known):
    when = pd.Timestamp("2001-01-01") + pd.to_timedelta(np.arange(40) * apart, unit="D")
    people = release(age=[50.0] * 40, taken_at=list(when))
    assert "date" in attacked(people).names[-1]
    assert ("date" in attacked(people, shifted=True).names[-1]) == known


def test_a_day_that_was_moved_by_two_hundred_years_is_a_day():
    days = ["1801-01-01", "2226-03-01", None]
    seen = known_of(release(sex=["female"] * 3, taken_at=pd.to_datetime(days)))
    since = (date(2226, 3, 1) - date(1800, 1, 1)).days
    assert seen["date"].tolist() == [365, since, -1]


# --- what is missing, constant, or noise --------------------------------------------------

_VALUES = st.lists(
    st.tuples(st.sampled_from(["female", "male", None]), st.sampled_from([30.0, 40.0, np.nan])),
    min_size=10,
    max_size=25,
)


def counted(of: pd.DataFrame, names: list[str]) -> list[float]:
    """People who fit each, by the definition: of one record each, one pair after the other."""
    rows = known_of(of)[names].to_numpy()
    found = []
    for one in rows:
        asked = one != -1
        whole = [row for row in rows if (row[asked] != -1).all()]
        alike = sum((row[asked] == one[asked]).all() for row in whole)
        total = 0.0
        for row in rows:
            both = asked & (row != -1)
            if (row[both] == one[both]).all():
                total += alike / sum((each[both] == one[both]).all() for each in whole)
        found.append(total)
    return found


def made(values) -> pd.DataFrame:
    sex, age = zip(*values, strict=True)
    return release(sex=list(sex), age=list(age))


@settings(deadline=None, max_examples=15)
@given(_VALUES)
def test_what_is_missing_counts_as_likely_as_it_is_right(values):
    of = made(values)
    found = people_alike(known_of(of), ["sex", "age"])
    assert found.tolist() == pytest.approx(counted(of, ["sex", "age"]))


@settings(deadline=None, max_examples=15)
@given(_VALUES, st.integers(0, 24))
def test_whose_value_is_left_out_is_as_all_whom_they_may_be(values, place):
    """Everybody of whom the rest is known alike may be them, whatever their sex."""
    values = list(values)
    place %= len(values)
    values[place] = (None, values[place][1])
    after = people_alike(known_of(made(values)), ["sex", "age"])
    without_sex = people_alike(known_of(made([(None, age) for _, age in values])), ["age"])
    assert after[place] == pytest.approx(without_sex[place])


def test_those_without_a_date_hide_nobody_whose_date_is_told():
    dates_ = [*(f"2020-01-{day:02}" for day in range(1, 29)), *[None] * 30]
    of = release(age=[50.0] * 58, sex=["male"] * 58, taken_at=pd.to_datetime(dates_))
    sizes = attacked(of).sizes[:, -1]
    # Each of 30 may have been there on any of 28 days.
    assert sizes[0] == pytest.approx(1 + 30 / 28)
    assert sizes[-1] == 58


@settings(deadline=None, max_examples=10)
@given(_VALUES, st.sampled_from(["constant", "missing"]))
def test_a_column_that_tells_nothing_changes_no_class(values, kind):
    known = known_of(made(values)).assign(date=7 if kind == "constant" else -1)
    alone = people_alike(known, ["sex", "age"])
    assert people_alike(known, ["sex", "age", "date"]) == pytest.approx(alone)


def test_a_constant_or_missing_column_changes_no_risk():
    ages = np.linspace(30, 79, 60)
    plain = measured(release(age=ages, sex=[None] * 60)).estimates["max_risk"]
    for sexes in (["male"] * 60, ["female"] * 60):
        one = measured(release(age=ages, sex=sexes)).estimates["max_risk"]
        assert one.value < 0.02
        assert plain.value < 0.02


@settings(deadline=None, max_examples=10)
@given(_VALUES, st.integers(0, 2**32))
def test_noise_in_a_column_is_seen_at_once(values, seed):
    noisy = made(values)
    noise = np.random.default_rng(seed).integers(0, 3, len(noisy))
    noisy = noisy.assign(age=noisy["age"] + noise)
    found = attacked(noisy)
    wanted = counted(noisy, list(found.names[-1].split(" + ")))
    assert found.sizes[:, -1].tolist() == pytest.approx(wanted)


def test_what_one_recording_of_a_person_leaves_open_another_tells():
    of = release(
        subject=["a", "a", *[f"p{place}" for place in range(10)]],
        sex=["male", None, *["female"] * 10],
    )
    assert attacked(of).sizes[:, 0].tolist() == [1, *[10] * 10]


# --- a table that somebody holds ----------------------------------------------------------


def joined(tmp_path: Path, text: str, of: pd.DataFrame) -> Likeness:
    path = tmp_path / "register.csv"
    path.write_text(text, encoding="utf-8")
    return attacked(of, Uniqueness(population=N, public=path))


def test_a_person_whom_one_row_of_the_table_fits_is_counted(tmp_path):
    of = release(age=[30.0, 30.0, 41.0, *[50.0] * 9], sex=["male"] * 12)
    text = "Gender;Age\nM;30\nM;30\nM;41\nF;50\nm;99\n"
    assert joined(tmp_path, text, of).matches.tolist() == [2, 2, 1, *[0] * 9]


@pytest.mark.parametrize("born", ["1949-06-15", "15.06.1949", "1949"])
def test_a_birth_fits_the_age_on_the_day_of_recording(tmp_path, born):
    of = release(age=[70.0, 71.0, *[30.0] * 9], taken_at=days(*["2020-03-01"] * 11))
    found = joined(tmp_path, f"name,Geburtsdatum\nx,{born}\n", of)
    # On 1 March 2020 somebody born in June 1949 is 70; somebody born in 1949 may be 70 or 71.
    assert found.matches.tolist() == [1, int(born == "1949"), *[0] * 9]


@pytest.mark.parametrize(("born", "fits"), [("1950-03-01", 0), ("1950-02-28", 1)])
def test_whoever_has_their_birthday_tomorrow_is_a_year_younger(tmp_path, born, fits):
    of = release(age=[70.0, *[30.0] * 10], taken_at=days(*["2020-02-29"] * 11))
    assert joined(tmp_path, f"dob\n{born}\n", of).matches.tolist() == [fits, *[0] * 10]


def test_a_date_is_joined_and_a_row_that_lacks_one_is_left_out(tmp_path):
    of = release(age=[50.0] * 12, taken_at=days("2020-01-02", *["2020-01-03"] * 11))
    text = "visit date,age\n2020-01-02,50\n,50\n2020-01-05,50\n"
    found = joined(tmp_path, text, of)
    assert found.matches.tolist() == [1, *[0] * 11]
    assert found.n_left_out == 1


def test_matches_stand_beside_those_by_luck(tmp_path):
    ages = np.arange(20, 80).astype(float)
    of = release(age=ages, sex=["male"] * 60)
    path = tmp_path / "register.csv"
    path.write_text("sex,age\n" + "".join(f"m,{age:.0f}\n" for age in ages))
    one = measured(of, Uniqueness(population=N, public=path)).estimates["one_match"]
    # Whoever has any age of the list matches one row of it: the table names nobody by that.
    assert one.value == one.chance == 1


def test_rows_that_are_not_understood_are_told(tmp_path):
    path = tmp_path / "register.csv"
    path.write_text("sex,age\nm,30\nw?,40\nf,thirty\n")
    told = measured(release(age=[30.0] * 12), Uniqueness(population=N, public=path)).params
    assert told["left_out_of_the_public_table"] == "2 rows"


def test_a_table_without_a_column_that_is_known_is_refused_with_the_cure(tmp_path):
    path = tmp_path / "register.csv"
    path.write_text("name,town\nx,y\n")
    with pytest.raises(ConfigError, match="rename the columns") as error:
        read_public(path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "content",
    [
        b"\x89PNG\r\n\x1a\n sesame IHDR \x01\x02",
        b"sesame " + bytes(range(128, 256)) * 20,
        b"Dear sesame,\nplease find enclosed, with thanks, the letter\nyours",
        b"sesame,Miller,1937\nsesame,Smith,1940\n",
        b"sesame\x00\x01" * 400,
    ],
    ids=["picture", "bytes", "letter", "no header", "packed"],
)
def test_nothing_of_a_file_that_is_no_such_table_is_told(tmp_path, content):
    path = tmp_path / "register.csv"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as error:
        read_public(path)
    told = str(error.value)
    assert told.isprintable()
    assert not any(word in told for word in ("sesame", "Miller", "PNG", "Dear"))


@pytest.mark.parametrize(
    ("header", "used"),
    [
        ("PatientSex,AgeAtVisit", ("sex", "age")),
        ("Geschlecht,Geburtsjahr", ("sex", "birth")),
        ("kön,ålder,datum", ("sex", "age", "date")),
        ("date_of_birth,admission_date", ("birth", "date")),
        ("image,package", ()),
    ],
)
def test_columns_are_known_by_their_words(tmp_path, header, used):
    path = tmp_path / "register.csv"
    cells = {"sex": "m", "age": "50", "birth": "1950", "date": "2020-01-02"}
    path.write_text(f"{header}\n{','.join(cells[one] for one in used) or '1,1'}\n")
    if used:
        assert read_public(path).used == used
    else:
        with pytest.raises(ConfigError):
            read_public(path)

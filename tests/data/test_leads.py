"""Which records are attacked together, by which leads, and how many by none."""

from __future__ import annotations

import pandas as pd
import pytest

from auditor.data.leads import common_leads, lead_sets, not_attacked

TWELVE = "I II III aVR aVL aVF V1 V2 V3 V4 V5 V6"
EIGHT = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")


def manifest(*people: tuple[int, str]) -> pd.DataFrame:
    """So many people with one record each, of these leads."""
    leads = [held for n, held in people for _ in range(n)]
    return pd.DataFrame({"leads": leads, "subject": [f"p{n}" for n in range(len(leads))]})


def found(records: pd.DataFrame, fewest: int = 10) -> list[tuple[tuple[str, ...], int]]:
    return [(one.leads, len(one.rows)) for one in lead_sets(records, fewest)]


def test_sums_of_other_leads_are_not_missed():
    assert common_leads(pd.Series([TWELVE] * 3)) == EIGHT


@pytest.mark.parametrize("records", [((20, TWELVE),), ((5, "ECG"),), ((20, "I II"), (9, TWELVE))])
def test_where_all_have_the_same_leads_or_few_have_more_nothing_is_attacked_beside(records):
    assert found(manifest(*records)) == []
    assert not not_attacked(manifest(*records))


def test_a_few_records_of_one_lead_do_not_hide_the_other_leads_of_the_many():
    records = manifest((150, TWELVE), (12, "I"))
    assert common_leads(records["leads"]) == ("I",)
    assert found(records) == [(EIGHT, 150)]
    assert not not_attacked(records)


def test_sets_without_a_lead_in_common_are_each_attacked_by_themselves():
    records = manifest((60, TWELVE), (40, "MLII V1"), (30, "ECG"))
    assert found(records) == [(EIGHT, 60), (("V1", "MLII"), 40), (("ECG",), 30)]


def test_a_set_of_few_people_is_looked_for_in_all_records_that_share_a_lead_with_it():
    records = manifest((80, TWELVE), (6, "V1"), (6, "V2 V5"))
    assert common_leads(records["leads"]) == ("V1",)
    assert found(records) == [(EIGHT, 80), (("V2", "V5"), 86)]
    assert not not_attacked(records)


def test_a_set_of_few_people_that_shares_no_lead_is_attacked_by_nothing_and_counted():
    records = manifest((80, TWELVE), (9, "ECG"))
    assert not_attacked(records) == 9
    assert not_attacked(records, fewest=9) == 0


def test_so_few_records_that_the_others_stand_for_them_are_not_counted():
    assert not_attacked(manifest((96, TWELVE), (4, "ECG"))) == 0


def test_one_person_with_many_records_is_no_set_of_its_own():
    records = manifest((80, TWELVE), (20, "ECG"))
    records.loc[80:, "subject"] = "one"
    assert found(records) == []
    assert not_attacked(records) == 20


def test_the_number_of_searches_of_the_whole_is_bounded():
    records = manifest(*((9, f"X{n} Y{n // 2}") for n in range(200)))
    assert len(lead_sets(records)) == 4
    assert not_attacked(records) == 1800 - 5 * 18

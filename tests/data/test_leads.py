"""Which leads are looked at, and of how many records some are not."""

from __future__ import annotations

import pandas as pd
import pytest

from auditor.data.leads import common_leads, without_their_leads

TWELVE = "I II III aVR aVL aVF V1 V2 V3 V4 V5 V6"


@pytest.mark.parametrize(
    ("leads", "left_out"),
    [
        ([TWELVE] * 20, 0),
        ([TWELVE] * 150 + ["I"] * 12, 150),
        ([TWELVE] * 100 + ["I II III aVR aVL aVF V1 V2 V3 V4 V5 V6 Vx"], 1),
        (["MLII V1", "MLII V5", "MLII V2"], 3),
        (["ECG"] * 5, 0),
    ],
)
def test_records_of_which_a_lead_is_not_looked_at_are_counted(leads, left_out):
    assert without_their_leads(pd.Series(leads)) == left_out


def test_sums_of_other_leads_are_not_missed():
    assert common_leads(pd.Series([TWELVE] * 3)) == ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")

"""Amplitudes and intervals of the fiducial table are those of a heart."""

from __future__ import annotations

import numpy as np
import pytest

from auditor.attackers.fiducials import COLUMNS, fiducial_table
from auditor.data.protocols import Items


def test_the_fiducial_table_agrees_with_itself(context):
    values = fiducial_table(context, Items.whole(np.arange(len(context.records))))
    assert len(set(COLUMNS)) == values.shape[1]
    table = dict(zip(COLUMNS, values.T, strict=True))
    assert len([name for name in table if "-" in name]) == 20
    assert np.nanmedian(table["R-P mV"]) > 0
    assert np.nanmedian(table["P-R ms"]) == pytest.approx(160, abs=60)
    assert np.nanmedian(table["R-T ms"]) > 0
    assert np.nanmedian(table["RR ms"]) == pytest.approx(850, abs=250)
    assert (np.nan_to_num(table["QT interval ms"], nan=400) > 150).all()

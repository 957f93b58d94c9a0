"""The picture and the table of which part of the heartbeat gives people away."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

import pytest

from auditor.core.evidence import NOBODY
from auditor.core.finding import Finding
from auditor.policy import words
from auditor.report import heartbeat, html, summary
from auditor.report.svg import PAINT
from tests.report.conftest import rate

PARTS = ("P", "QRS", "T")
RED = PAINT["#050505"]


def attribution(believed: bool = True, leads: tuple[str, ...] = ("I",)) -> Finding:
    """People found by their QRS."""
    n = len(PARTS)
    columns = {"segment": list(PARTS)}
    for done, value in (("masked", [0.02, 0.6, -0.01]), ("swapped", [0.0, 0.5, 0.1]),
                        ("alone", [0.1, 0.4, 0.05])):  # fmt: skip
        columns |= {done: value, f"{done}_low": [v - 0.1 for v in value],
                    f"{done}_high": [v + 0.1 for v in value]}  # fmt: skip
    beat = {
        "lead": [lead for lead in leads for _ in range(9)],
        "ms": list(range(0, 36, 4)) * len(leads),
        "mv": [0.0, 0.1, 0.0, 0.0, 1.0, 0.0, 0.2, 0.3, 0.0] * len(leads),
        "segment": [part for part in PARTS for _ in range(3)] * len(leads),
    }
    dense = {"method": ["ablation"], "P": [1.5], "QRS": [5.0], "T": [0.3]}
    curves = {
        "segments": columns,
        "beat": beat,
        "share": {"method": ["ablation"]} | {part: [1 / n] for part in PARTS},
        "enrichment": dense,
        "enrichment_low": dense | {"QRS": [4.0]},
        "enrichment_high": dense | {"QRS": [6.0]},
    }
    by_lead = {"lead": list(leads)} | {part: dense[part] * len(leads) for part in PARTS}
    curves |= {f"enrichment_by_lead{end}": by_lead for end in ("", "_low", "_high")}
    return Finding(
        "attribution",
        "embedding",
        "cross-session",
        "Which wave?",
        "measured",
        params={
            "reading": "What people are found by is first of all the QRS.",
            "drawn_by": "ablation" if believed else NOBODY,
            "verdicts": [{"method": "ablation", "verdict": "trustworthy", "why not": "–"}],
        },
        estimates={"rank1": rate(0.97, 0.02), "masked_qrs": rate(0.6, 0.1, chance=0.0)},
        curves=curves,
        seconds=30.0,
    )


@pytest.fixture
def with_parts(audit):
    return replace(audit, findings=(*audit.findings, attribution()))


def drawn(audit) -> heartbeat.Heart:
    (heart,) = heartbeat.hearts(audit, (f"k{number}" for number in count()))
    return heart


def test_an_explanation_that_is_believed_paints_the_parts_that_get_more_than_their_share(
    with_parts,
):
    heart = drawn(with_parts)
    assert heart.picture.count(RED) == 2  # P and QRS; T gets less than its share
    assert "by ablation" in heart.caption
    assert "QRS 5.0" in heart.picture


def test_without_one_nothing_is_painted_and_the_page_says_so(audit):
    heart = drawn(replace(audit, findings=(attribution(believed=False),)))
    assert RED not in heart.picture
    assert "Nothing is painted" in heart.caption


def test_every_lead_has_its_own_picture(audit):
    leads = ("I", "II", "V1", "V2")
    heart = drawn(replace(audit, findings=(attribution(leads=leads),)))
    for lead in leads:
        assert f">{lead}<" in heart.picture


def test_what_is_lost_is_written_as_a_loss_and_its_interval_with_it(with_parts):
    rows = {row[0]: row[1:] for row in drawn(with_parts).rows}
    assert rows["QRS"] == ["−60% (−70% to −50%)", "−50% (−60% to −40%)", "40% (30% to 50%)"]
    assert rows["T"][0] == "+1% (−9% to 11%)"


def test_bounds_stand_beside_their_values_and_the_drawing_s_data_in_no_table():
    shown = heartbeat.tables(attribution())
    assert set(shown) == {"share", "enrichment", "enrichment_by_lead"}
    assert shown["enrichment"]["QRS"] == ["5.0 (4.0 to 6.0)"]


def test_the_page_shows_the_parts_before_the_rules(with_parts, audit):
    page = html.render(with_parts)
    assert page.index("Which part of the heartbeat gives people away?") < page.index('id="rules"')
    assert "Which part of the heartbeat gives" not in html.render(audit)


def test_what_was_taken_apart_is_not_told_as_another_bad_news(with_parts):
    assert all(one.finding.check != "attribution" for one in summary.intruder(with_parts))


def test_a_loss_has_a_name_that_people_read():
    lost = {
        name: words.metric("attribution", name).title for name in ("masked_qrs", "sex_masked_t")
    }
    assert lost["masked_qrs"] == "Fewer people found without the QRS"
    assert lost["sex_masked_t"] == "Sex told worse without the T wave"


def with_curve(name: str, **columns: list | None) -> Finding:
    """People found by their QRS, told with other columns; None leaves one out."""
    finding = attribution(leads=("I", "II"))
    changed = {**finding.curves[name], **columns}
    kept = {key: column for key, column in changed.items() if column is not None}
    return replace(finding, curves={**finding.curves, name: kept})


@pytest.mark.parametrize(
    "columns",
    [
        {"ms": list(range(17))},
        {"ms": [0] * 18},
        {"ms": ["soon"] * 18},
        {"mv": [None] * 18},
        {"mv": [1e300] * 18},
        {"lead": None},
        {"lead": [["I"]] * 18},
        {"lead": [str(at) for at in range(18)]},
        {"lead": ["I", "II"] * 9},
        {"segment": [{}] * 18},
        {name: [] for name in ("lead", "ms", "mv", "segment")},
    ],
)
def test_a_beat_that_is_none_is_not_drawn_and_the_page_says_so(audit, columns):
    hostile = replace(audit, findings=(with_curve("beat", **columns),))
    assert "No heartbeat is drawn" in drawn(hostile).caption
    assert "No heartbeat is drawn" in html.render(hostile)


@pytest.mark.parametrize(
    "columns", [{"lead": ["I"]}, {"lead": None}, {"QRS": [1.0]}, {"QRS": ["red", "red"]}]
)
def test_an_explanation_of_another_beat_paints_nothing(audit, columns):
    hostile = replace(audit, findings=(with_curve("enrichment_by_lead", **columns),))
    assert RED not in drawn(hostile).picture
    assert "Nothing is painted" in drawn(hostile).caption


@pytest.mark.parametrize(
    "columns",
    [{"masked": [0.1]}, {"alone_low": None}, {"swapped": ["much"] * 3}, {"segment": [1, 2, 3]}],
)
def test_a_table_of_parts_that_do_not_fit_is_not_told(audit, columns):
    heart = drawn(replace(audit, findings=(with_curve("segments", **columns),)))
    assert not heart.rows
    assert "is not told" in heart.caption


@pytest.mark.parametrize(
    ("columns", "shown"),
    [({"QRS": []}, [1.5]), ({"QRS": None}, [1.5]), ({"P": ["high"]}, ["–"])],
)
def test_a_value_that_has_no_bounds_stands_without_them(columns, shown):
    tables = heartbeat.tables(with_curve("enrichment_low", **columns))
    assert tables["enrichment"]["P"] == shown

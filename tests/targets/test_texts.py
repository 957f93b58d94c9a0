"""Texts beside a description are audited, whoever wrote them; wrong ones are refused in a line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from click.testing import CliRunner

from auditor import cli
from auditor.audit import scan
from auditor.core.errors import ModelError
from auditor.core.target import MEMBER, NONMEMBER, Target
from auditor.engine import Engine, engine
from auditor.simulate.population import Population
from auditor.systems.open import open_target
from auditor.targets import texts as read
from auditor.targets.release import Release

PEOPLE = 40
#: A rule on what leads back to recordings.
RULES = {
    "title": "t", "context": "c", "population": 1000,
    "rules": [{
        "id": "texts", "check": "text", "protocol": "re-linking", "estimate": "rank1",
        "limit": 0.3, "basis": "our default: x", "models": True,
    }],
}  # fmt: skip
#: Next to nothing is asked of the recordings.
CHEAP = {
    "title": "t", "max_seconds": 60, "linkage_views": ["template"], "protocols": ["cross-session"],
    "attribute_views": ["fiducials"], "training": None, "checks": [],
}  # fmt: skip


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("release")
    Population(n_subjects=PEOPLE, n_sessions=2, leads=("I", "II")).write(folder)
    return folder


@pytest.fixture(scope="module")
def workers() -> Iterator[Engine]:
    with engine(1) as one:
        yield one


@pytest.fixture(scope="module")
def release(root: Path, workers: Engine) -> Release:
    return Release.open(root, workers)


def stated(release: Release) -> pd.DataFrame:
    """A text about each record, in the words of a recorder."""
    table = release.feature_table
    texts = [
        f"Vent. rate {row['heart rate 1/min']:.0f} BPM, RR {row['RR ms']:.0f} ms, PR interval "
        f"{row['PR ms']:.0f} ms, QRS duration {row['QRS ms']:.0f} ms, QT {row['QT ms']:.0f} ms"
        for _, row in table.iterrows()
    ]
    return pd.DataFrame({"record": table["record"], "text": texts})


def written(folder: Path, table: pd.DataFrame, **more: object) -> Path:
    folder.mkdir(exist_ok=True)
    table.to_csv(folder / "texts.csv", index=False)
    told = {"task": "reports", "texts": "texts.csv"} | more
    (folder / "model.yaml").write_text(yaml.safe_dump(told), encoding="utf-8")
    return folder


def opened(folder: Path, release: Release) -> Target:
    return open_target(folder, release)


def test_texts_are_of_the_records_they_name_in_any_order(release: Release, tmp_path: Path):
    table = stated(release)
    one = opened(written(tmp_path / "m", table.sample(frac=1, random_state=0)), release)
    assert one.name == "reports"
    assert one.texts is not None
    said = dict(zip(table["record"], table["text"], strict=True))
    assert list(one.texts.told["full"]) == [said[record] for record in one.record]
    assert {"RR ms", "PR ms", "QRS axis deg", "age", "sex"} <= set(one.columns)
    assert one.unread == {"model text": 0}


def test_a_parquet_table_and_columns_of_other_names_are_the_same(release: Release, tmp_path: Path):
    table = stated(release)
    one = opened(written(tmp_path / "m", table), release)
    named = table.rename(columns={"record": "ecg", "text": "report"})
    folder = written(
        tmp_path / "n", named, texts="t.parquet", columns={"record": "ecg", "text": "report"}
    )
    named.to_parquet(folder / "t.parquet")
    other = opened(folder, release)
    assert one.texts is not None
    assert other.texts is not None
    assert one.texts.told == other.texts.told


def test_who_was_trained_on_is_said_by_the_table_of_members(release: Release, tmp_path: Path):
    folder = written(tmp_path / "m", stated(release), members="rows.csv")
    rows = release.feature_table[["record", "subject"]]
    people = sorted(rows["subject"].unique())
    part = np.where(rows["subject"].isin(people[:12]), "trained", "judged")
    rows.assign(part=part).to_csv(folder / "rows.csv", index=False)
    one = opened(folder, release)
    assert (one.split == np.where(np.isin(one.subject, people[:12]), MEMBER, NONMEMBER)).all()


def test_texts_of_records_that_are_not_there_are_counted(release: Release, tmp_path: Path):
    table = stated(release)
    more = pd.DataFrame({"record": ["x1", "x2", "x3"], "text": ["HR 70", "HR 71", ""]})
    one = opened(written(tmp_path / "m", pd.concat([table.iloc[4:], more])), release)
    assert one.unread == {"model text": 2}
    assert one.texts is not None
    assert sum(text == "" for text in one.texts.told["full"]) == 4


def without(column: str):
    return lambda table: table.drop(columns=column)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (without("text"), "has no column 'text' but 'record'; rename one"),
        (without("record"), "has no column 'record' but 'text'"),
        (lambda t: t.assign(text=" "), "all 80 texts are empty"),
        (lambda t: pd.concat([t, t.iloc[:2]]), "2 of 82 rows name a record again"),
        (lambda t: t.assign(record="z" + t["record"]), "names 80 records, none of which"),
        (lambda t: t.assign(text=t["text"] + "x" * 100_001), "80 of 80 texts are longer than"),
        (lambda t: t.assign(text=t["text"] + "x" * 200_000), "cannot be read as a table"),
        (lambda t: t.iloc[:0], "all 0 texts are empty"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_texts_is_one_line(release: Release, tmp_path: Path, spoil, said):
    with pytest.raises(ModelError) as error:
        opened(written(tmp_path / "m", spoil(stated(release))), release)
    message = str(error.value)
    assert said in message
    assert message.startswith("texts.csv: ")
    assert "\n" not in message
    assert len(message) < 400


def test_a_table_of_endless_texts_is_refused(
    release: Release, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(read, "_MOST", 100)
    with pytest.raises(ModelError, match="name fewer records"):
        opened(written(tmp_path / "m", stated(release)), release)


def test_a_missing_or_far_file_is_refused(release: Release, tmp_path: Path):
    table = stated(release)
    with pytest.raises(ModelError, match="which is not there"):
        opened(written(tmp_path / "m", table, texts="other.csv"), release)
    table.to_csv(tmp_path / "far.csv")
    with pytest.raises(ModelError, match="outside its folder"):
        opened(written(tmp_path / "m", table, texts="../far.csv"), release)


def test_texts_need_recordings(tmp_path: Path, workers: Engine, release: Release):
    (tmp_path / "empty").mkdir()
    empty = Release.open(tmp_path / "empty", workers, may_be_empty=True)
    with pytest.raises(ModelError, match="scan the folder of those records"):
        opened(written(tmp_path / "m", stated(release)), empty)


def test_bad_texts_end_a_scan_with_status_2(root: Path, tmp_path: Path, release: Release):
    folder = written(tmp_path / "m", stated(release).drop(columns="text"))
    ended = CliRunner().invoke(
        cli.main, ["scan", str(root), "--model", str(folder), "--out", str(tmp_path / "out")]
    )
    assert ended.exit_code == 2
    assert "texts.csv: has no column 'text'" in ended.output


def test_texts_that_state_what_was_measured_lead_back_and_those_of_anybody_pass_nothing(
    root: Path, tmp_path: Path, release: Release
):
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(RULES), encoding="utf-8")
    (tmp_path / "cheap.yaml").write_text(yaml.safe_dump(CHEAP), encoding="utf-8")

    def judged(name: str, table: pd.DataFrame):
        audit = scan(
            root, profile=str(tmp_path / "rules.yaml"), preset=str(tmp_path / "cheap.yaml"),
            models=[written(tmp_path / name, table)],
        )  # fmt: skip
        return audit, audit.verdict.rules[0]

    table = stated(release)
    audit, ruling = judged("own", table)
    assert ruling.outcome == "fail"
    found = {one.id: one for one in audit.findings if one.check == "text"}
    assert found["text/reports/re-linking"].estimates["uses_input"].low > 0.5
    # A recorder's numbers tell a person's two visits from other people's.
    assert found["text/reports/cross-session"].estimates["rank1"].low > 1 / PEOPLE

    same = table.assign(text="HR 70, PR 160 ms, QRS 90 ms")
    dealt = table.assign(text=np.random.default_rng(0).permutation(table["text"].to_numpy()))
    for name, one in (("same", same), ("dealt", dealt)):
        _, ruling = judged(name, one)
        assert ruling.outcome == "inconclusive"
        assert "it does not use its input" in ruling.reason

    unknown = pd.concat([table, pd.DataFrame({"record": ["x"], "text": ["HR 70"]})])
    audit, _ = judged("unknown", unknown)
    assert audit.release["unread"]["model text"] == 1

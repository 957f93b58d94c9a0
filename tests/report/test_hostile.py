"""Whatever stands in a data set's files, none of it stands in what is handed out."""

from __future__ import annotations

import csv
import re
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditor.audit import scan
from auditor.report import bundle
from auditor.report.formats import FORMATS
from auditor.simulate.population import Population

#: Words that nobody's page would hold by chance.
LETTERS = "qxzjvkQXZשלוםअ漢éß"
MARKS = "<>\"'`|;=&@‮‏{}[]()*_#"
words = st.text(LETTERS, min_size=6, max_size=9)
plants = st.tuples(
    words,
    st.sampled_from(["<script>alert({})</script>", "=cmd|{}", "‮{}‬", "]]>{}", "{{{{ {} }}}}", "{}"]),
).map(lambda parts: (parts[0], parts[1].format(parts[0])))


def release(root: Path, word: str, hostile: str) -> Path:
    """People who are called and described by what is planted, in every place that is read."""
    Population(n_subjects=12, n_sessions=1, n_records=2, leads=("I",), seed=3).write(root)
    rows = []
    for number, header in enumerate(sorted(root.rglob("*.hea"))):
        text = header.read_text("utf-8")
        text += f"# Patient name: {hostile}\n# Notes: seen by {word} on 2019-03-12\n# {hostile}\n"
        header.write_text(text, "utf-8")
        record = header.relative_to(root).with_suffix("").as_posix()
        person = f"{hostile} {record.split('/')[0]}"
        rows.append({"file": record, "person": person, "surname": word, "note": hostile})
        assert number < 100
    with (root / "people.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, rows[0])
        table.writeheader()
        table.writerows(rows)
    (root / f"{word}.txt").write_text(hostile, "utf-8")
    return root


@settings(max_examples=6, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(plants)
def test_what_is_planted_in_a_data_set_is_in_no_output(plant):
    word, hostile = plant
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        preset = place / "brief.yaml"
        preset.write_text(
            "title: brief\nmax_seconds: 60\nlinkage_views: [template]\nattribute_views: []\n"
            "protocols: [same-session]\ntraining: null\n"
            "checks: [identifiers, uniqueness, duplicates, linkage]\n"
        )
        root = release(place / "release", word, hostile)
        audit = scan(
            root, "public", str(preset), device="cpu", table="people.csv", record_column="file",
            subject_column="person",
        )  # fmt: skip
        assert audit.release["n_subjects"] == 12
        names = next(one for one in audit if one.check == "identifiers")
        assert names.estimates["direct"].value == 1  # it was read
        outputs = {name: form.render(audit) for name, form in FORMATS.items()}
    outputs["bundle"] = bundle.pack(audit).decode("utf-8", "replace")  # nothing is compressed
    for name, text in outputs.items():
        plain = re.sub(r"\\u([0-9a-f]{4})", lambda one: chr(int(one[1], 16)), text)
        assert word not in plain, name
        assert hostile not in plain, name
        assert "2019-03-12" not in plain, name


def test_what_is_looked_for_would_be_found(audit):
    told = {"csv": "uniqueness/metadata", "huggingface": audit.profile["name"]}
    for name, form in FORMATS.items():
        assert told.get(name, audit.release["name"]) in form.render(audit), name

"""The page of a large audit: as small as that of a small one, and drawn in seconds."""

from __future__ import annotations

import time
from dataclasses import replace

from auditor.core.finding import Estimate
from auditor.report import html
from auditor.report import json as report
from tests.report import conftest

audit = conftest.audit

ROOM, DATA = "report", "a fixture of 14 findings with curves"


def drawn(audit, folder):
    """The size of an audit's page, and the seconds from its file to the page's."""
    report.write(audit, folder / "audit.json")
    started = time.perf_counter()
    html.write(report.read(folder / "audit.json"), folder / "report.html")
    return (folder / "report.html").stat().st_size, time.perf_counter() - started


def larger(audit, n_people, n_records):
    """The same audit of more people: curves have the points that an audit tells, not one each."""

    def estimate(one):
        return Estimate(one.value, one.low, one.high, one.level, n_people, one.chance)

    findings = tuple(
        replace(one, estimates={name: estimate(e) for name, e in one.estimates.items()})
        for one in audit
    )
    release = {**audit.release, "n_subjects": n_people, "n_records": n_records}
    return replace(audit, release=release, findings=findings)


def test_a_million_records_make_no_larger_page(audit, tmp_path, measured):
    drawn(audit, tmp_path)  # the libraries are loaded
    small, seconds_small = drawn(audit, tmp_path)
    large, seconds = drawn(larger(audit, 250_000, 1_000_000), tmp_path)
    print(f"\n310 records: {small / 1e3:.0f} kB in {seconds_small:.2f} s")
    print(f"1,000,000 records: {large / 1e3:.0f} kB in {seconds:.2f} s ({large / small:.3f} x)")
    for n, size, took in (("310", small, seconds_small), ("1,000,000", large, seconds)):
        told = {"room": ROOM, "data": DATA, "n": f"{n} records"}
        place = n.replace(",", "")
        measured(f"report/page-{place}-kb", f"Size of the page of {n} records", size / 1e3,
                 unit="kB", digits=0, **told)  # fmt: skip
        measured(f"report/page-{place}-s", f"From `audit.json` to the page of {n} records", took,
                 unit="s", digits=2, wanted="<= 5" if n != "310" else None, **told)  # fmt: skip
    measured("report/page-ratio", "Page of 1,000,000 records beside that of 310", large / small,
             room=ROOM, data=DATA, n="1,000,000 records", unit="times")  # fmt: skip
    assert large / small < 1.02
    assert seconds / seconds_small < 3


def test_a_thousand_findings_fit(audit, tmp_path, measured):
    models = [{"name": f"m{at}", "title": "A model", "n_tells": 1, "gives": ["scores"],
               "n_members": 50, "n_nonmembers": 50} for at in range(40)]  # fmt: skip
    first = audit["linkage/vit/cross-session"]
    findings = tuple(
        replace(first, check="output-linkage", view=f"m{at % 40}.scores{at}") for at in range(1000)
    )
    many = replace(audit, release={**audit.release, "models": models}, findings=findings)
    drawn(audit, tmp_path)
    _, seconds_few = drawn(audit, tmp_path)
    size, seconds = drawn(many, tmp_path)
    print(f"\n1,000 findings: {size / 1e3:.0f} kB in {seconds:.2f} s ({len(audit.findings)} in "
          f"{seconds_few:.2f} s)")  # fmt: skip
    told = {"room": ROOM, "data": "one finding with curves, repeated", "n": "1,000 findings"}
    measured("report/page-findings-kb", "Size of the page of 1,000 findings of 40 models",
             size / 1e3, unit="kB", digits=0, **told)  # fmt: skip
    measured("report/page-findings-s", "From `audit.json` to the page of 1,000 findings", seconds,
             unit="s", digits=1, **told)  # fmt: skip
    assert size <= html.LARGEST
    assert seconds / seconds_few < 1000 / len(audit.findings)

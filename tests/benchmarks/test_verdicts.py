"""What a gate says of simulated releases whose truth is known, by strength, people and leads.

A release of so many people, with one record on each of two days, is scanned under the preset quick;
sex and age are released, dates are not. Beside its verdict stands what an intruder finds who knows
how the people were made (`able_intruder`). From `BY_ROWS` people on no signals are made: what that
intruder reads of each record is searched by the tool's own search, so that the statistics are tried
and not the attackers.

A cell is one table row and is not made again; `SEEDS`, `PEOPLE` and `STRENGTHS` (lists with commas)
choose what is made. What competence shows is shown once a cell.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from auditor.attackers.demographics import Demographics
from auditor.attackers.search import search_gallery
from auditor.audit import Run, open_context, run_checks
from auditor.checks.linkage.check import Linkage, Searches
from auditor.config import load_preset
from auditor.core.finding import Finding, Outcome
from auditor.core.streams import stream
from auditor.engine import engine
from auditor.policy.judge import judge
from auditor.policy.profile import Profile, load_profile
from auditor.simulate.population import Population
from auditor.stats.intervals import clopper_pearson
from tests.benchmarks.able_intruder import Intruder
from tests.benchmarks.test_speed import say

LEADS = {"I": ("I",), "8": ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")}


def _chosen(name: str, default: str) -> list[float]:
    return [float(one) for one in os.environ.get(name, default).split(",")]


SEEDS = int(os.environ.get("SEEDS", "20"))
STRENGTHS = _chosen("STRENGTHS", "0,0.01,0.03,0.1,0.2,0.3,0.5,1")
PEOPLE = [int(one) for one in _chosen("PEOPLE", "40,100,300,1000,3000")]
BY_ROWS = 1000
CELLS = [(lead, n, one) for n in PEOPLE for lead in LEADS for one in STRENGTHS]
#: The rule of each name is held to the truth of that name.
JUDGED = ("found_among_1000", "named")


@dataclass(frozen=True)
class Truth:
    """What the able intruder finds among a thousand, and names for certain in the release."""

    found: float
    named: float

    def exceeds(self, profile: Profile) -> bool:
        """Whether it is beyond what a rule allows."""
        limits = {rule.estimate: rule.limit for rule in profile.rules if rule.required}
        return self.found > limits["found_among_1000"] or self.named > limits["named"]


def truth(population: Population) -> Truth:
    """Of ten galleries of a thousand, and as many of the release's size."""
    able = Intruder.of(population)
    rngs = [np.random.default_rng(seed) for seed in range(10)]
    found = np.mean([able.rates(1000, rng)[0] for rng in rngs])
    n = min(population.n_subjects, 1000)
    return Truth(float(found), float(np.mean([able.rates(n, rng)[1] for rng in rngs])))


def profile() -> Profile:
    """The rules on recordings of other days of the profile for everybody."""
    public = load_profile("public")
    about = [one for one in public.rules if one.check == "linkage" and one.required]
    return public.model_copy(update={"rules": tuple(about)})


@pytest.mark.parametrize(("leads", "people", "strength"), CELLS)
def test_no_verdict_exposes_people_and_a_null_release_passes(leads, people, strength, measured):
    key = {"people": f"{people}", "leads": leads, "identity": f"{strength:g}"}
    done = {tuple(row[name] for name in key): row for row in _rows(measured)}
    if int(done.get(tuple(key.values()), {}).get("seeds", 0)) >= SEEDS:
        pytest.skip("stands in the table")
    population = Population(n_subjects=people, leads=LEADS[leads], identity=strength)
    asked, known = profile(), truth(population)
    started = time.perf_counter()
    outcomes = Counter(_verdicts(population, asked))
    seconds = time.perf_counter() - started
    dangerous = outcomes["pass"] * known.exceeds(asked)
    unneeded = outcomes["fail"] * (not known.exceeds(asked))
    measured.row(
        "verdicts",
        key,
        {
            "truth among 1,000": f"{known.found:.3f}", "named": f"{known.named:.3f}",
            "seeds": f"{SEEDS}", "pass": f"{outcomes['pass']}", "fail": f"{outcomes['fail']}",
            "open": f"{outcomes['inconclusive'] + outcomes['not assessed']}",
            "dangerous": f"{dangerous}", "unneeded": f"{unneeded}", "s": f"{seconds:.0f}",
        },
    )  # fmt: skip
    say(f"{key}: truth {known.found:.3f}, {known.named:.3f}; {dict(outcomes)}, {seconds:.0f} s")
    _pooled(measured)
    assert not dangerous
    if strength == 0 and people >= 100:
        assert outcomes["pass"] >= 0.9 * SEEDS


def _rows(measured) -> list[dict[str, str]]:
    try:
        return measured.rows("verdicts")
    except KeyError:
        return []


def _pooled(measured) -> None:
    """The share of dangerous passes, and of fails that were not needed, over all cells."""
    rows = _rows(measured)
    n = sum(int(row["seeds"]) for row in rows)
    for kind, claim in (
        ("dangerous", "Passes of releases in which an able intruder finds more than is allowed"),
        ("unneeded", "Fails of releases in which not even an able intruder finds as much"),
    ):
        k = sum(int(row[kind]) for row in rows)
        measured(
            f"verdicts/{kind}", claim, k / n, interval=clopper_pearson(k, n, 0.95),
            wanted="high <= 0.05", room="populations", data="simulated", n=f"{n} releases",
        )  # fmt: skip


def _verdicts(population: Population, asked: Profile) -> Iterator[Outcome]:
    """The verdict on each of some releases; the proof of the first is that of all."""
    if population.n_subjects >= BY_ROWS:
        yield from (_by_rows(replace(population, seed=seed), asked) for seed in range(SEEDS))
        return
    preset = load_preset("quick").model_copy(
        update={"checks": ("linkage",), "protocols": ("cross-session",)}
    )
    settings = Run(asked, preset)
    proofs: list[Finding] = []
    attacks: int | None = None
    for seed in range(SEEDS):
        with tempfile.TemporaryDirectory() as folder, engine(1, None) as workers:
            root = Path(folder)
            _written(replace(population, seed=seed), root)
            os.environ["AUDITOR_CACHE"] = f"{root}/cache"
            context = open_context(root / "release", settings, workers)
            found: list[Finding] = []
            # A release is not proven again, and one that fails by what was found fails by more.
            for one in islice(run_checks(context, settings), attacks):
                found.append(one)
                if judge(found, asked).outcome == "fail":
                    break
            else:
                proofs = proofs or [one for one in found if one.check == "competence"]
                attacks = attacks or len(found) - len(proofs)
            others = [one for one in found if one.check != "competence"]
            yield judge([*others, *proofs], asked).outcome


def _written(population: Population, root: Path) -> None:
    """The release without dates, its days told by the names of records."""
    release = root / "release"
    population.write(release)
    for header in release.rglob("*.hea"):
        lines = header.read_text().splitlines(keepends=True)
        header.write_text("".join(one for one in lines if "ECG date" not in one))
    (release / "auditor.yaml").write_text(
        "subject: {path: 'p(\\d+)/'}\nsession: {path: '/s(\\d+)_'}\n"
    )


def _by_rows(population: Population, asked: Profile) -> Outcome:
    """The verdict on what the able intruder reads of each record; it needs no proof."""
    rng = stream(population.seed, "rows")
    able = Intruder.of(population)
    gallery, probe = able.rows(population.n_subjects, rng)
    names = np.array([f"p{one:05d}" for one in range(population.n_subjects)])
    known = {
        name: Demographics(("female", "male")[int(rng.random() < 0.5)], float(rng.integers(18, 89)))
        for name in names.tolist()
    }
    seen = search_gallery(lambda fold: (gallery, probe), names, names, known, rng)
    check = Linkage("fusion", "cross-session", (1000,))
    evidence = Searches(seen, None, seen, ("sex", "age"), {})
    measured = check.estimate(evidence, asked.level, lambda *part: stream(0, "/".join(part)))
    one = Finding("linkage", "fusion", "cross-session", "", "measured",
                  estimates=measured.estimates)  # fmt: skip
    able_enough = [
        rule.model_copy(update={"rungs": (), "limit": rule.limit}) for rule in asked.rules
    ]
    return judge([one], asked.model_copy(update={"rules": tuple(able_enough)})).outcome

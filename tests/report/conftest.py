"""One realistic audit in three moods: a release that fails, one that passes, one unsettled."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from auditor.core.finding import Audit, Estimate, Finding, Ruling, Verdict
from auditor.report import json as report

N_PEOPLE = 90
CHANCE = 1 / N_PEOPLE

THREAT = "Somebody who holds one ECG of a person searches the release for that person's recordings."
BASIS = "EMA Policy 0070: a risk of at most 0.09 for whoever is most exposed, in a public release"


def rate(value, margin, n=N_PEOPLE, chance=CHANCE):
    return Estimate(value, max(0.0, value - margin), min(1.0, value + margin), 0.95, n, chance)


def cmc(rank1):
    rank = np.arange(1, N_PEOPLE + 1)
    rate = 1 - (1 - rank1) * (1 - (rank - 1) / (N_PEOPLE - 1)) ** 6
    return {
        "rank": rank.tolist(),
        "rate": rate.tolist(),
        "chance": (rank / N_PEOPLE).tolist(),
    }


def roc(eer, names=("fmr", "tar")):
    false = np.linspace(0, 1, 201)
    power = np.log(1 - eer) / np.log(max(eer, 1e-3))
    return dict(zip(names, (false.tolist(), (false**power).tolist()), strict=True))


def linkage(view, protocol, rank1, margin, eer, n=N_PEOPLE, **more):
    estimates = {
        "rank1": rate(rank1, margin, n),
        "rank5": rate(min(1.0, rank1 + 0.15), margin, n, 5 * CHANCE),
        "eer": rate(eer, 0.03, n, 0.5),
        "tpir_at_fpir_10pct": rate(rank1 * 0.8, margin, n, 0.1 * CHANCE),
        **more,
    }
    return Finding(
        "linkage",
        view,
        protocol,
        THREAT,
        "measured",
        params={"lead": "I", "seed_stream": f"linkage/{view}", "n_splits": 5, "align": True},
        estimates=estimates,
        curves={"cmc": cmc(rank1), "roc": roc(eer)},
        seconds=3.25,
    )


def findings():
    controls = {
        "rank1_stranger": rate(0.31, 0.1, 20),
        "untrained_rank1": rate(0.12, 0.07, 20),
        "smallest_rank1": rate(0.04, 0.02, 300),
        "null_rank1": rate(0.004, 0.003, 500, 0.002),
    }
    return (
        linkage("template", "random-segment", 0.91, 0.05, 0.06),
        linkage("fiducials", "random-segment", 0.78, 0.08, 0.12),
        linkage("vit", "random-segment", 0.985, 0.015, 0.02),
        linkage("template", "same-session", 0.86, 0.07, 0.08),
        linkage("fiducials", "same-session", 0.64, 0.09, 0.15),
        linkage("vit", "same-session", 0.94, 0.04, 0.03),
        linkage("template", "cross-session", 0.45, 0.21, 0.19, 20),
        linkage("fiducials", "cross-session", 0.25, 0.18, 0.27, 20),
        linkage("vit", "cross-session", 0.7, 0.19, 0.11, 20, **controls),
        Finding(
            "attribute",
            "template",
            "subject-disjoint",
            "Somebody learns a person's sex and age, which the release meant to withhold.",
            "measured",
            params={"folds": 5, "features": ["template", "heart rate"], "model": {"C": 1.0}},
            estimates={
                "sex_auc": Estimate(0.81, 0.71, 0.9, 0.95, 90, 0.5),
                "age_mae_years": Estimate(8.6, 7.3, 10.1, 0.95, 90, 11.9),
                "age_gain_years": Estimate(3.3, 1.6, 5.0, 0.95, 90, 0.0),
                "age_concordance": Estimate(0.7, 0.63, 0.77, 0.95, 90, 0.5),
            },
            curves={
                "sex_roc": roc(0.26, ("fpr", "tpr")),
                "calibration": {"bin": ["young", "old"], "predicted": [31.5, 52.25]},
            },
            seconds=12.5,
        ),
        Finding(
            "identifiers",
            "metadata",
            None,
            "Somebody reads a name, a number or a date in the files themselves.",
            "measured",
            params={
                "hits": [
                    {"class": "date", "where": "header comment", "people": N_PEOPLE},
                    {"class": "name", "where": "header comment", "people": 4},
                    {"class": "exact age", "where": "header field", "people": 88},
                ],
                "patterns": 23,
            },
            estimates={
                "direct": Estimate(1.0, 0.959, 1.0, 0.95, N_PEOPLE, None),
                "ages_over_89": Estimate(0.0, 0.0, 0.041, 0.95, N_PEOPLE, None),
            },
            seconds=0.04,
        ),
        Finding(
            "uniqueness",
            "metadata",
            None,
            "Somebody who knows a person's sex and age finds the one record that fits.",
            "measured",
            params={"attributes": ["sex", "age"]},
            estimates={
                "max_risk": Estimate(1.0, 1.0, 1.0, 0.95, N_PEOPLE, CHANCE),
                "mean_risk": Estimate(0.42, 0.35, 0.5, 0.95, N_PEOPLE, CHANCE),
                "below_11": Estimate(0.81, 0.72, 0.88, 0.95, N_PEOPLE, None),
            },
            curves={"group_sizes": {"age band": ["20–29", "30–39"], "people": [44, 3]}},
            seconds=0.01,
        ),
        Finding(
            "membership",
            "scores",
            None,
            "Somebody asks whether a person was in the training data of a released model.",
            "skipped",
            "needs a model to audit; give one with --model",
        ),
        Finding(
            "linkage",
            "embedding",
            "cross-session",
            THREAT,
            "failed",
            "/srv/ecg/Person_01/rec_1.hea: record rec_1: header lists 2 leads, file of 2004-12-31 "
            "holds 1; only 3 people are left",
            seconds=0.8,
        ),
    )


RULES = (
    Ruling(
        "linkage-cross-session", "fail",
        "Recorded on another occasion, at least 51% of people are found at the first attempt; "
        "the limit is 9%.",
        True, 0.09, BASIS, "linkage/vit/cross-session", "rank1",
    ),
    Ruling(
        "no-direct-identifiers", "fail", "Direct identifiers are in the files of every person.",
        True, 0.0, "GDPR recital 26; HIPAA 45 CFR 164.514(b)(2)", "identifiers/metadata", "direct",
    ),
    Ruling(
        "sex-inference", "inconclusive",
        "The limit lies inside the interval; about 140 more people would settle it.",
        False, 0.75, "Attia 2019 reached an AUC of 0.97 with half a million patients",
        "attribute/template/subject-disjoint", "sex_auc",
    ),
    Ruling(
        "attack-competence", "pass", "The attack found what was planted.", True, 1.0,
        "Competence before a pass", "linkage/vit/cross-session", "smallest_rank1",
    ),
    Ruling(
        "membership", "not assessed", "No model was given to audit.", False, 0.1,
        "SACRO-ML's default", "membership/scores", "tpr_at_fpr_1pct",
    ),
)  # fmt: skip


@pytest.fixture(scope="session")
def released():
    """An audit as the last release wrote it."""
    return report.read(sorted(Path(__file__).with_name("released").glob("audit-*.json"))[-1])


@pytest.fixture(scope="session")
def audit():
    """A release of 90 people that fails."""
    return Audit(
        auditor={
            "version": "0.1.0",
            "seed": 0,
            "device": "cpu",
            "preset": "standard",
            "versions": {"numpy": "2.1.0", "python": "3.11.9", "torch": "2.4.0"},
            "settings": {"level": 0.95, "min_subjects": 5, "views": ["template", "vit"]},
        },
        release={
            "name": "ecgiddb",
            "fingerprint": "sha256:" + "9f86d081884c7d65" * 4,
            "n_subjects": N_PEOPLE,
            "n_records": 310,
            "n_sessions": 126,
            "n_quarantined": 2,
            "leads": ["I"],
            "fs": [500.0],
        },
        profile={"name": "public", "population": 100_000},
        verdict=Verdict("fail", RULES),
        findings=findings(),
    )


@pytest.fixture(scope="session")
def passing(audit):
    """A release in which nobody is found."""
    quiet = tuple(
        linkage(view, "cross-session", 0.012, 0.01, 0.49, 2_000)
        for view in ("template", "fiducials", "vit")
    )
    rules = tuple(
        replace(rule, outcome="pass", reason="At most 2.2% of people are found.")
        for rule in RULES[:1]
    )
    return replace(
        audit,
        release={**audit.release, "n_subjects": 2_000, "n_sessions": None},
        profile={"name": "enclave", "population": None},
        verdict=Verdict("pass", rules),
        findings=quiet,
    )


@pytest.fixture(scope="session")
def unassessed(audit):
    """A release of which nothing could be measured."""
    rules = tuple(
        replace(rule, outcome="not assessed", reason="Nobody was recorded on two occasions.")
        for rule in RULES[:1]
    )
    skipped = Finding(
        "linkage", "vit", "cross-session", THREAT, "skipped",
        "needs people with two sessions; found none",
    )  # fmt: skip
    return replace(audit, verdict=Verdict("not assessed", rules), findings=(skipped,))


@pytest.fixture(scope="session")
def unsettled(audit):
    """A release too small to say."""
    rules = (
        replace(
            RULES[0],
            outcome="inconclusive",
            reason="The limit lies inside the interval; about 60 more people would settle it.",
        ),
        RULES[3],
    )
    return replace(audit, verdict=Verdict("inconclusive", rules))

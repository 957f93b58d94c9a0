"""Pseudonyms that are computed from what is known of a person tell it."""

from __future__ import annotations

import base64
import hashlib
import hmac

import numpy as np
import pandas as pd
import pytest

from auditor.checks.identifiers.pseudonyms import derived

PEOPLE = [f"{n:06d}" for n in np.random.default_rng(0).permutation(900_000)[:30]]
BIRTHS = [f"{day:%Y%m%d}" for day in pd.date_range("1931-02-03", periods=30, freq="391D")]
NAMES = [f"Lindqvist, Ingeborg {n}" for n in range(30)]


def told(subjects: list[str], days: list[pd.Timestamp | None] | None = None) -> list[str]:
    manifest = pd.DataFrame({
        "subject": subjects, "subject_known": True,
        "taken_at": pd.to_datetime(pd.Series(days or [None] * len(subjects))),
    })  # fmt: skip
    return [hit.rule for hit, people in derived(manifest) if set(people) <= set(subjects)]


def digests(name: str, values: list[str]) -> list[str]:
    return [hashlib.new(name, one.encode()).hexdigest() for one in values]


@pytest.mark.parametrize(
    ("name", "values"),
    [("md5", PEOPLE), ("sha1", BIRTHS), ("sha256", [one.lstrip("0") for one in PEOPLE])],
    ids=["padded numbers", "days of birth", "numbers"],
)
def test_a_hash_without_a_secret_is_computed_again(name, values):
    assert told(digests(name, values)) == ["a hash of a number or a date, without a secret"]


def test_a_text_that_is_only_written_otherwise_is_read():
    written = [base64.b64encode(one.encode()).decode() for one in NAMES]
    assert len(told(written)) == len(told([one.encode().hex() for one in NAMES])) == 1


@pytest.mark.slow
def test_keyed_and_drawn_pseudonyms_tell_nothing():
    keyed = [hmac.digest(b"secret", one.encode(), "sha256").hex() for one in PEOPLE]
    assert told(keyed) == told([one[:12] for one in keyed]) == []
    assert told([base64.b64encode(bytes.fromhex(one)).decode() for one in keyed]) == []
    assert told([f"Person_{n:02d}" for n in range(30)]) == []


def test_numbers_that_follow_the_first_recordings_tell_their_order():
    days = list(pd.date_range("2019-01-01", periods=30, freq="9D"))
    names = [f"P{n:03d}" for n in range(30)]
    assert told(names, days) == ["numbers in the order of the first recordings"]
    assert told(names, days[::-1]) == ["numbers in the order of the first recordings"]
    order = np.random.default_rng(0).permutation(30)
    assert told([names[one] for one in order], days) == []
    assert told(names, [days[0]] * 30) == []

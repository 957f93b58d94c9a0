"""What became of a clinical system: its models, and how well each does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from auditor.core.finding import Estimate
from auditor.systems.task import Task


@dataclass(frozen=True)
class TrainedModel:
    """One finding's trees, and how well they do.

    Attributes
    ----------
    columns, n_trees : their inputs and how many there are
    internal, external : estimates on people they had not seen, of their own cohort and of another;
        `external` is empty where there is none, and `external_reason` says why
    curves, params : of the own cohort, and what was left out
    shap_summary : what moves them, input by input, told of groups of people
    """

    target: str
    columns: tuple[str, ...]
    n_trees: int
    internal: Mapping[str, Estimate]
    external: Mapping[str, Estimate]
    external_reason: str
    curves: Mapping[str, Mapping[str, list[Any]]]
    params: Mapping[str, Any]
    shap_summary: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Study:
    """A clinical system that was trained and judged.

    Attributes
    ----------
    cohort, n_records, n_subjects, fingerprint : whom it was trained on
    outside : the second cohort's name, and its records and people
    faults : what was done as published and not as it should be
    left_out : what was not asked, and why
    trees : finding → a `.ubj`
    networks : file name → a network
    folders : name → what writes a model, as its own library does, into a folder
    stages : by steps of training, what makes those networks, by file name, that were trained
        further, as they were after so many: stays with the steward
    steps : after how many the networks are released; None where no stages are kept
    people : (n,) record, subject, fold, part (`TRAIN`, `VALIDATION` or `TEST`); of tables also
        "input …" and "label …" (1, 0; −1 not known): names people, and stays with the steward
    size : of networks, the size that was trained; "" where there is one
    compared : model → what it adds to the clinical risk factors alone, and how sure that is
    """

    task: Task
    cohort: str
    n_records: int
    n_subjects: int
    fingerprint: str
    seed: int
    faults: tuple[str, ...]
    models: tuple[TrainedModel, ...]
    left_out: Mapping[str, str]
    people: pd.DataFrame
    trees: Mapping[str, bytes] = field(default_factory=dict)
    networks: Mapping[str, Any] = field(default_factory=dict)
    folders: Mapping[str, Callable[[Path], object]] = field(default_factory=dict)
    stages: Mapping[int, Mapping[str, Callable[[], Any]]] = field(default_factory=dict)
    steps: int | None = None
    outside: tuple[str, int, int] | None = None
    compared: Mapping[str, Any] = field(default_factory=dict)
    size: str = ""

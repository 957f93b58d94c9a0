"""What is believed of a data set, for the steward's own screen and for a machine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from auditor.core.unread import by_kind, in_words
from auditor.data.catalog import Descriptor, SubjectRule
from auditor.data.dataset import Dataset

#: Lines that an inspection has for what was not understood.
_LINES = 40


def proposed(dataset: Dataset) -> Descriptor:
    """What is believed of a data set, and whose its records may be where nobody has said."""
    if dataset.descriptor.subject is None and dataset.states_people:
        return dataset.descriptor.model_copy(update={"subject": SubjectRule(header="id")})
    return dataset.descriptor


def inspected(dataset: Dataset) -> dict[str, Any]:
    """What is believed of a data set, in counts, and what was not understood, for a machine.

    For the steward's own use: it names files.
    """
    manifest = dataset.manifest
    defects = manifest["defects"].str.split("; ").explode()

    def counts(values: pd.Series) -> dict[str, int]:
        return {str(value): int(n) for value, n in values.value_counts().items()}

    return {
        "name": dataset.name,
        "fingerprint": dataset.fingerprint,
        "people": int(manifest["subject"].nunique()),
        "people_unknown": int((~manifest["subject_known"].astype(bool)).sum()),
        "sessions": int(manifest.groupby("subject")["session"].nunique().sum()),
        "sessions_unknown": int((~manifest["session_known"].astype(bool)).sum()),
        "records": len(manifest),
        "formats": counts(manifest["reader"]),
        "fs": counts(manifest["fs"].map("{:g}".format)),
        "leads": counts(manifest["leads"]),
        "ages": int(manifest["age"].notna().sum()),
        "sexes": counts(manifest["sex"].dropna()),
        "defects": counts(defects[defects != ""]),
        "quarantine": counts(dataset.quarantine["reason"]),
        "files": dict(dataset.account.files),
        "ignored": dict(dataset.account.ignored),
        "reviewed": dataset.account.reviewed,
        "unread": by_kind(dataset.unread),
        "not_understood": [asdict(one) for one in dataset.unread],
    }


def inspection(dataset: Dataset) -> list[str]:
    """What is believed of a data set, line by line, with samples of people and records.

    For the steward's own screen: it names people and records.
    """
    manifest, descriptor = dataset.manifest, dataset.descriptor
    people = manifest.groupby("subject", sort=False)
    sessions = people["session"].nunique()
    lines = [
        f"{descriptor.title or dataset.name} ({', '.join(sorted(set(manifest['reader'])))})",
        f"licence      {descriptor.licence or 'not stated'}",
        f"people       {len(people)}"
        + _unless(
            manifest["subject_known"].all(),
            f"NOT KNOWN for {int((~manifest['subject_known']).sum())} records, which count as a "
            "person each; give --subject-pattern or --subject-column"
            + (", or say subject: {header: id}" if dataset.states_people else ""),
        ),
        f"records      {len(manifest)} usable, {len(dataset.quarantine)} in quarantine",
        f"sessions     {int(sessions.sum())}; {int((sessions > 1).sum())} people have more than one"
        + _unless(
            manifest["session_known"].all(),
            f"unknown for {int((~manifest['session_known']).sum())} records",
        ),
        f"leads        {_most(manifest['leads'])}",
        f"fs, Hz       {_most(manifest['fs'].map('{:g}'.format))}",
        f"length, s    {manifest['duration_s'].min():g} to {manifest['duration_s'].max():g}",
        "age          "
        + (
            f"known for {manifest['age'].notna().sum()} records, "
            f"{manifest['age'].min():g} to {manifest['age'].max():g} years"
            if manifest["age"].notna().any()
            else "unknown"
        ),
        f"sex          {_most(manifest['sex'].fillna('unknown'))}",
        f"labels       {_most(manifest['labels'].str.split().explode().dropna()) or 'none'}",
        "",
        "a sample of what each record is believed to be:",
    ]
    lines += [
        f"  person {subject}, session {row.session}: {row.record}"
        for subject, rows in list(people)[:3]
        for row in rows.head(3).itertuples()
    ]
    if dataset.n_left_out:
        lines.append(
            f"left out     {dataset.n_left_out} records that stand elsewhere than in the place "
            "chosen; see records in the descriptor"
        )
    lines += ["", f"files        {_listed(dataset.account.files)}"]
    lines += [f"ignored      {why}: {n}" for why, n in dataset.account.ignored.items()]
    lines += [
        f"unread       {in_words({one.kind: one.n})}, {one.where}: {one.cure}"
        for one in dataset.unread[:_LINES]
    ]
    if len(dataset.unread) > _LINES:
        lines.append(f"unread       and {len(dataset.unread) - _LINES} more; --json has them all")
    for name, wanted in descriptor.expected_counts.items():
        found = {"subjects": len(people), "records": len(manifest) + len(dataset.quarantine)}[name]
        if found != wanted:
            lines.append(f"differs      {found} {name}; a complete copy has {wanted}")
    defects = manifest.assign(defect=manifest["defects"].str.split("; ")).explode("defect")
    for defect, rows in defects[defects["defect"] != ""].groupby("defect"):
        lines.append(f"defect       {defect}: {len(rows)} records, e.g. {rows['record'].iloc[0]}")
    for reason, rows in dataset.quarantine.groupby("reason"):
        lines.append(f"quarantine   {reason}: {len(rows)} records, e.g. {rows['record'].iloc[0]}")
    return lines


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{n:,} {what}" for what, n in counts.items()) or "none"


def _unless(fine: bool | np.bool_, note: str) -> str:
    return "" if fine else f" ({note})"


def _most(values: pd.Series) -> str:
    counts = Counter(map(str, values)).most_common(6)
    return ", ".join(f"{value} ({n})" for value, n in counts)

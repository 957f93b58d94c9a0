"""What a data set's own description should say of an audit: Croissant, and a card on a hub.

Both are parts for a steward to merge; neither claims what an audit cannot know, such as a licence.
"""

from __future__ import annotations

import json
from typing import Any

from auditor.core.finding import Audit
from auditor.report import markdown, summary

FORMATS = {"croissant": "croissant.json", "huggingface": "dataset-card.md"}

CONFORMS_TO = ("http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0")


def croissant(audit: Audit) -> str:
    """The fields of Croissant's RAI vocabulary that an audit can fill, as JSON-LD."""
    document: dict[str, Any] = {
        "@context": {
            "@language": "en",
            "@vocab": "https://schema.org/",
            "sc": "https://schema.org/",
            "cr": "http://mlcommons.org/croissant/",
            "rai": "http://mlcommons.org/croissant/RAI/",
            "dct": "http://purl.org/dc/terms/",
            "conformsTo": "dct:conformsTo",
        },
        "@type": "sc:Dataset",
        "name": audit.release["name"],
        "description": _described(audit),
        "conformsTo": list(CONFORMS_TO),
        "rai:personalSensitiveInformation": personal(audit),
        "rai:dataLimitations": limitations(audit),
        "rai:dataSocialImpact": impact(audit),
        "rai:dataReleaseMaintenancePlan": maintenance(audit),
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def huggingface(audit: Audit) -> str:
    """A section for the README.md of a data set on Hugging Face, to stand below its YAML."""
    parts = (
        ("Personal and Sensitive Information", personal(audit)),
        ("Social Impact of Dataset", [impact(audit)]),
        ("Other Known Limitations", limitations(audit)),
        ("Maintenance", [maintenance(audit)]),
    )
    lines = ["## Privacy audit", "", markdown.escape(_described(audit)), ""]
    for title, told in parts:
        lines += [f"### {title}", "", *(f"- {markdown.escape(one)}" for one in told), ""]
    return "\n".join(lines)


def personal(audit: Audit) -> list[str]:
    """What in the release is about people, and how far it gives them away."""
    told = [
        "Recordings of the heart are health data about people, and an ECG can tell one person from "
        "another."
    ]
    return told + markdown.strongest(audit)


def limitations(audit: Audit) -> list[str]:
    """What an audit does not show."""
    told = [
        f"Rule {rule.id} was not settled: {rule.reason}"
        for rule in audit.verdict.rules
        if rule.outcome in ("inconclusive", "not assessed")
    ]
    told += [f"Not measured: {one}" for one in markdown.missing(audit)]
    told.append(
        "What was measured bounds the attacks that were carried out, and not those of the future."
    )
    return told


def impact(audit: Audit) -> str:
    """Who is harmed, and how: the verdict and the threats behind the worst numbers."""
    threats = dict.fromkeys(one.finding.threat for one in summary.intruder(audit))
    return " ".join((summary.headline(audit.verdict, audit.profile["name"]), *threats))


def maintenance(audit: Audit) -> str:
    """What the verdict holds for, and when it no longer does."""
    version = audit.release["fingerprint"] or "a release without a fingerprint"
    return (
        f"The audit is of {version}, by auditor {audit.auditor['version']} with seed "
        f"{audit.auditor['seed']}, under the {audit.profile['name']} profile. Every new version of "
        "the data, and every wider circle of recipients, needs an audit of its own."
    )


def _described(audit: Audit) -> str:
    release, models = audit.release, audit.release.get("models", [])
    told = f"{release['n_records']:,} ECG recordings of {release['n_subjects']:,} people"
    if models:
        count = f"{len(models):,} model" + "s" * (len(models) > 1)
        told = f"{told}, and {count}" if release["n_records"] else count
    outcome = summary.verdict_word(audit.verdict).lower()
    return (
        f"{told}, audited with auditor {audit.auditor['version']} under the "
        f"{audit.profile['name']} profile: {outcome}."
    )

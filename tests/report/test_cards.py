"""What a data set says of its audit: valid Croissant, and a section that leaves a card whole."""

from __future__ import annotations

import json
import sys
import warnings
from dataclasses import replace
from types import ModuleType

import pytest

from auditor.report.formats import FORMATS

AUDITS = ["audit", "passing", "unassessed", "unsettled"]
RAI = ("personalSensitiveInformation", "dataLimitations", "dataSocialImpact",
       "dataReleaseMaintenancePlan")  # fmt: skip


@pytest.fixture(scope="module")
def croissants():
    """MLCommons' own reader, without the library it asks of JSONPaths, which is published as
    source only; no document of ours holds a JSONPath.
    """
    absent = ModuleType("jsonpath_rw")
    absent.__dict__["lexer"] = None
    sys.modules.setdefault("jsonpath_rw", absent)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield pytest.importorskip("mlcroissant", reason="MLCommons' reader is not installed")


def fragment(audit) -> dict:
    return json.loads(FORMATS["croissant"].render(audit))


def whole(audit) -> dict:
    """A small description by a steward, with an audit's fields merged into it."""
    return {
        **fragment(audit),
        "license": "https://spdx.org/licenses/ODC-By-1.0.html",
        "url": "https://example.org/release",
        "datePublished": "2026-01-01",
        "version": "1.0.0",
        "citeAs": "@misc{release}",
        "creator": {"@type": "sc:Organization", "name": "A hospital"},
        "distribution": [
            {
                "@type": "cr:FileObject", "@id": "records.csv", "name": "records.csv",
                "contentUrl": "https://example.org/records.csv", "encodingFormat": "text/csv",
                "sha256": "0" * 64,
            }
        ],
    }  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", AUDITS)
@pytest.mark.parametrize("made", [fragment, whole])
def test_mlcommons_reads_the_fields_back(croissants, name, made, request):
    document = made(request.getfixturevalue(name))
    read = croissants.Dataset(document).metadata
    assert read.ctx.issues.errors == set()
    assert read.personal_sensitive_information == document["rai:personalSensitiveInformation"]
    assert read.data_limitations == document["rai:dataLimitations"]
    assert read.data_social_impact == document["rai:dataSocialImpact"]
    assert read.data_release_maintenance_plan == document["rai:dataReleaseMaintenancePlan"]


@pytest.mark.filterwarnings("ignore")
def test_mlcommons_would_refuse_what_is_wrong(croissants, audit):
    wrong = {**whole(audit), "conformsTo": "http://mlcommons.org/croissant/0.0"}
    with pytest.raises(croissants.ValidationError):
        croissants.Dataset(wrong)


def test_the_fields_say_what_was_found_and_what_was_not_asked(audit):
    card = fragment(audit)
    assert card["conformsTo"] == [
        "http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0"
    ]  # fmt: skip
    assert {f"rai:{name}" for name in RAI} <= card.keys()
    assert any("about 1,000 are exposed" in one for one in card["rai:personalSensitiveInformation"])
    limits = " ".join(card["rai:dataLimitations"])
    assert "needs a model to audit" in limits
    assert "sex-inference was not settled" in limits
    assert "does not meet the public profile" in card["rai:dataSocialImpact"]
    assert audit.release["fingerprint"] in card["rai:dataReleaseMaintenancePlan"]


def test_nothing_is_claimed_that_an_audit_cannot_know(audit):
    assert not {"license", "citeAs", "creator", "datePublished", "version"} & fragment(audit).keys()


def test_a_release_of_a_model_alone_is_not_described_as_recordings(audit):
    models = [{"name": "af", "title": "AF", "n_tells": 1, "gives": ["scores"],
               "n_members": 100, "n_nonmembers": 50}]  # fmt: skip
    empty = {**audit.release, "n_subjects": 0, "n_records": 0, "models": models}
    assert fragment(replace(audit, release=empty))["description"].startswith("1 model, audited")


@pytest.mark.parametrize("name", [*AUDITS, "hostile"])
def test_a_card_on_hugging_face_stays_whole_with_the_section_in_it(name, request, audit):
    from huggingface_hub import DatasetCard

    if name == "hostile":
        audit = replace(audit, release={**audit.release, "name": "---\nlicense: none\n---"})
    else:
        audit = request.getfixturevalue(name)
    header = "---\nlicense: odc-by\npretty_name: A release\n---\n\n"
    card = DatasetCard(header + "# A release\n\n" + FORMATS["huggingface"].render(audit))
    assert card.data.to_dict() == {"license": "odc-by", "pretty_name": "A release"}
    assert "## Privacy audit" in card.text
    for title in ("Personal and Sensitive Information", "Other Known Limitations"):
        assert f"### {title}" in card.text

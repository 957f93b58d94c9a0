"""What is told of a check is found by the check and the number, and by nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, replace

import pytest
import yaml
from pydantic import TypeAdapter, ValidationError

from auditor.core.finding import Estimate
from auditor.policy import words
from auditor.policy.words import Metric, Words

EVERY = list(words.checks().values())
METRICS = [(one.id, name) for one in EVERY for name in one.metrics]


def told(**more) -> Words:
    known = {"order": 1, "subject": "recordings", "title": "t", "question": "q", "threat": "w"}
    return Words.of("c", known | more)


@pytest.mark.parametrize(
    ("pattern", "name", "same"),
    [
        ("rank<n>", "rank10", True),
        ("rank<n>", "rank1_known", False),
        ("tpr_at_fpr_<n>pct", "tpr_at_fpr_0.1pct", True),
        ("label_<name>_rank<n>", "label_Pleural Effusion_rank1", True),
        ("max_risk", "max_risks", False),
        ("<part>_rank1", "noise_rank1", True),
        ("<part>_rank1", "heart_rank1", False),
        ("<control>_auc", "inputs_auc", True),
        ("smallest_<metric>", "smallest_rank1", True),
    ],
)
def test_a_name_with_open_places_is_that_of_many_numbers(pattern, name, same):
    about = told(
        metrics={pattern: {"title": "x"}}, parts={"noise": "hum"}, controls={"inputs": "what"}
    )
    assert (about.metric(name) is not None) is same


def test_what_stands_in_an_open_place_is_named():
    about = told(
        parts={"qrs": "the QRS"},
        controls={"untrained": "random weights"},
        metrics={
            "among_<n>": {"title": "Among {n}", "sentence": "Among {n} people: {value}."},
            "lost_<part>": {"title": "Without {part}", "meaning": "Less without {part}."},
            "<control>_gain": {"title": "More than by {control}"},
            "of_<name>": {"title": "Of {name}"},
        },
    )
    assert about.metric("among_100000").title == "Among 100,000"
    assert about.metric("among_100000").sentence == "Among 100,000 people: {value}."
    assert about.metric("lost_qrs").meaning == "Less without the QRS."
    assert about.metric("untrained_gain").title == "More than by random weights"
    assert about.metric("of_heart_rate").title == "Of heart rate"
    assert about.limits() == ["among_<n>", "lost_qrs", "untrained_gain", "of_<name>"]


def test_a_number_of_a_twin_has_the_unit_of_what_it_is_a_twin_s():
    assert words.metric("competence", "smallest_sex_auc").unit == "number"
    assert words.metric("competence", "null_age_gain_years").unit == "years"
    assert words.metric("competence", "null_tpir_at_fpir_10pct").role == "control"


def test_what_no_check_declares_is_of_unknown_role():
    for check, name in (("linkage", "copied"), ("split", "rank1"), ("of tomorrow", "rank1")):
        assert words.metric(check, name).role == "unknown"
    assert words.about("of tomorrow").title == "Of tomorrow"


@pytest.mark.parametrize(
    ("change", "may"),
    [({}, True), ({"worse": "lower"}, False), ({"role": "control"}, False),
     ({"role": "control", "limited": True}, True), ({"limited": False}, False)],
)  # fmt: skip
def test_a_rule_may_limit_what_is_no_control_and_bad_where_it_is_high(change, may):
    assert Metric(title="x", **change).may_be_limited is may


@pytest.mark.parametrize(
    ("estimate", "said"),
    [
        (Estimate(0.7, 0.51, 0.89, 0.95, 20, 0.011),
         "Of 1,000 people, about 700 would be found (between 510 and 890); "
         "guessing would find 11."),
        (Estimate(0.7, 0.51, 0.89, 0.95, 20, None),
         "Of 1,000 people, about 700 would be found (between 510 and 890)."),
        (Estimate(1.0, 1.0, 1.0, 0.95, 20, 0.011),
         "Of 1,000 people, about 1,000 would be found; guessing would find 11."),
        (Estimate(0.0, 0.0, 0.1, 0.95, 20, 0.011),
         "Of 1,000 people, nobody would be found (between nobody and 100); "
         "guessing would find 11."),
        (Estimate(float("nan"), 0, 1, 0.95, 20, None), ""),
    ],
)  # fmt: skip
def test_a_number_is_told_as_people(estimate, said):
    assert Metric(title="x", sentence="found").told(estimate) == said
    assert Metric(title="x").told(estimate) == ""


@pytest.mark.parametrize(("check", "name"), METRICS)
def test_every_number_has_a_title_and_a_meaning_with_no_place_left_open(check, name):
    example = name.replace("<n>", "10").replace("<name>", "x").replace("<metric>", "rank1")
    about = words.about(check)
    for place, known in (("<control>", about.controls), ("<part>", about.parts)):
        example = example.replace(place, next(iter(known), ""))
    one = about.metric(example)
    assert one is not None
    assert one.meaning.endswith(".")
    for text in (one.title, one.meaning):
        assert text
        assert "{" not in text
        assert "<" not in text


@pytest.mark.parametrize("one", EVERY, ids=lambda one: one.id)
def test_a_check_says_who_does_what_and_names_only_its_own_numbers(one):
    assert one.title
    assert one.question.endswith((".", "?"))
    assert one.settled_by or one.subject == "recordings"
    for name in (*one.headline, *filter(None, [one.among])):
        assert name in one.metrics or one.metric(name), name
    for protocol in (None, *one.protocols):
        if isinstance(one.threat, str) or "else" in one.threat or protocol:
            assert one.threat_of(protocol, "scores")


def test_checks_have_places_of_their_own_and_pictures_too():
    assert len({one.order for one in EVERY}) == len(EVERY)
    drawn = [one.picture for one in EVERY if one.picture]
    assert sorted(drawn) == ["heartbeat", "ladder", "price"]


def test_a_word_that_nobody_reads_is_refused():
    with pytest.raises(TypeError, match="remdy"):
        told(remdy="x")
    with pytest.raises(TypeError, match="tilte"):
        told(metrics={"a": {"tilte": "x"}})


@pytest.mark.parametrize("one", EVERY, ids=lambda one: one.id)
def test_every_word_is_of_its_kind(one):
    kinds = TypeAdapter(Words)
    kinds.validate_json(json.dumps(asdict(one)), strict=True)
    wrong = {"order": "1"}, {"subject": "people"}, {"picture": "a cat"}, {"ladder": "no"}
    for change in wrong:
        with pytest.raises(ValidationError, match=next(iter(change))):
            kinds.validate_json(json.dumps(asdict(replace(one, **change))), strict=True)


def test_no_name_stands_twice_in_a_file_of_words():
    for one in EVERY:
        text = (words.package("checks") / one.folder / "words.yaml").read_text("utf-8")
        assert "\t" not in text
        for node in _mappings(yaml.compose(text, Loader=yaml.SafeLoader)):
            keys = [key.value for key, _ in node.value]
            assert len(keys) == len(set(keys)), one.id


def _mappings(node):
    if isinstance(node, yaml.MappingNode):
        yield node
        for _, value in node.value:
            yield from _mappings(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from _mappings(value)


def test_words_are_read_without_the_code_they_are_of():
    code = "import sys; from auditor.policy import words; words.checks(); words.attackers(); "
    code += "print(*(name for name in sys.modules if name.startswith('auditor.')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not [one for one in done.stdout.split() if one.split(".")[1] in ("checks", "attackers")]

"""What the numbers of findings are called, in which unit they are, and what they mean."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal

from auditor.core import formatting
from auditor.core.finding import Estimate
from auditor.core.formatting import Unit
from auditor.report import words

Role = Literal["attack", "control", "exposure", "unknown"]


@dataclass(frozen=True)
class Label:
    """An estimate in plain words.

    Attributes
    ----------
    title : what it is called on the page
    unit : how its numbers are written
    meaning : one sentence
    role : an attack's success, a control of the attack, an exposure that needs no attack, or
        unknown, where this page has never heard of the name
    lower_is_worse : whether a small number is bad news
    sentence : the estimate told as people, with {value}, {low}, {high}, {chance}; or ""
    """

    title: str
    unit: Unit
    meaning: str
    role: Role = "attack"
    lower_is_worse: bool = False
    sentence: str = ""


_FOUND = (
    "Of 1,000 people, about {value} would be found (between {low} and {high}); "
    "guessing would find {chance}."
)


_NAMED = (
    "Of 1,000 people a model was trained on, about {value} would be named (between {low} and "
    "{high}); guessing would name {chance}."
)


_EXPOSED = "Of 1,000 people, about {value} are exposed (between {low} and {high})."


_ORDERED = (
    "Of 1,000 pairs of people, about {value} would be told apart rightly "
    "(between {low} and {high}); guessing gets {chance}."
)


def _cue(cue: str) -> Label:
    return Label(
        f"Found by {cue}",
        "percent",
        f"A control: the share of people named first by {cue} alone, without their hearts.",
        role="control",
    )


_ESTIMATES = {
    "rank1": Label(
        "Found at the first attempt",
        "percent",
        "The share of people whose record is the first one the attacker names.",
        sentence=_FOUND,
    ),
    "rank1_stranger": Label(
        "Found by sex and age alone",
        "percent",
        "The share for whom a stranger of the same sex and age band, put in the person's place, is "
        "named first: what looking like somebody of that sex and age would link.",
        sentence=_FOUND,
    ),
    "rank1_known": Label(
        "Found by somebody who knows sex and age",
        "percent",
        "The share of people whose record is the first one named by an attacker who looks only "
        "among people of that sex and, within five years, that age.",
        sentence=_FOUND,
    ),
    "tp_rank1": _cue("the rustle between beats"),
    "noise_rank1": _cue("noise above the heart's frequencies"),
    "mains_rank1": _cue("the hum of the mains"),
    "quantisation_rank1": _cue("the steps of the digital values"),
    "header_rank1": _cue("the format: rate, length and leads"),
    "order_rank1": _cue("the order of the files"),
    "unknown_accepted": Label(
        "Taken for somebody else",
        "percent",
        "How often somebody who is not in the gallery would be taken for a person who is, by an "
        "attacker as often wrong about them as silent about the others.",
        lower_is_worse=True,
    ),
    "known_missed": Label(
        "Not recognised",
        "percent",
        "How often somebody who is in the gallery is not named rightly by that attacker.",
        lower_is_worse=True,
    ),
    "untrained_rank1": Label(
        "Found by an untrained network",
        "percent",
        "A control: a network with random weights shows how much needs no learning at all.",
        role="control",
    ),
    "planted_rank1": Label(
        "Planted identity found",
        "percent",
        "A control: in a simulated copy of the release that holds identities, the attack must "
        "find them; otherwise its silence means nothing.",
        role="control",
    ),
    "null_rank1": Label(
        "Found where there is nothing to find",
        "percent",
        "A control: in a simulated copy without identities, the attack must do no better than "
        "guessing.",
        role="control",
    ),
    "eer": Label(
        "Equal error rate",
        "percent",
        "How often two recordings are wrongly judged same or different person; 50% is guessing, "
        "and a lower rate means that people are easier to tell apart.",
        lower_is_worse=True,
    ),
    "tpr_at_fpr_1pct": Label(
        "Members named, one false name in a hundred others",
        "percent",
        "The share of people a model was trained on who are named by a threshold that one in a "
        "hundred of the others reach.",
        sentence=_NAMED,
    ),
    "tpr_at_fpr_0.1pct": Label(
        "Members named, one false name in a thousand others",
        "percent",
        "The same at a threshold that one in a thousand of the others reach.",
        sentence=_FOUND,
    ),
    "singled_out": Label(
        "Members named one by one",
        "percent",
        "The share of people a model was trained on whom an intruder can list by name with at most "
        "one name in twenty wrong.",
        sentence=_EXPOSED,
    ),
    "loss_auc": Label(
        "Told apart by the fit alone (AUC)",
        "number",
        "A simpler attack: no reference model, the mean fit of a person's records.",
        role="control",
    ),
    "lira_auc": Label(
        "Told apart by likelihood ratio (AUC)",
        "number",
        "Another attack on the same people, with the same reference models.",
        role="control",
    ),
    "lira_offline_auc": Label(
        "Told apart by the fit beside models without the person (AUC)",
        "number",
        "Another attack on the same people, offline: it asks no model that was trained on a "
        "person.",
        role="control",
    ),
    "max_auc": Label(
        "Told apart by each person's most telling model (AUC)",
        "number",
        "Of a suite of models, the one that says most about a person, for everybody alike.",
        role="control",
    ),
    "blind_auc": Label(
        "Told apart without the model (AUC)",
        "number",
        "A control: somebody who never asks the model must not tell members from others; else the "
        "two were drawn from different places, and the result is void.",
        role="control",
    ),
    "epsilon": Label(
        "Privacy loss ε of one person",
        "number",
        "How much likelier anything the recipe gives out can become by one person's records, as a "
        "power of e; the lower end of the interval is what was shown. 0 is nothing, 1 is little, "
        "above 8 hardly any protection.",
        role="exposure",
    ),
    "planted_auc": Label(
        "Planted members told apart (AUC)",
        "number",
        "A control: in a twin that learnt its members by heart, the attack must find them.",
        role="control",
    ),
    "null_auc": Label(
        "Told apart where there is nothing (AUC)",
        "number",
        "A control: in a twin that never saw those who are called members, it must find nothing.",
        role="control",
    ),
    "planted_tpr_at_fpr_1pct": Label(
        "Planted members named",
        "percent",
        "A control: in a twin that learnt its members by heart, the attack must name them.",
        role="control",
    ),
    "null_tpr_at_fpr_1pct": Label(
        "Named where there is nothing",
        "percent",
        "A control: in a twin that never saw those who are called members, it must name nobody.",
        role="control",
    ),
    "copied": Label(
        "People whose picture was copied",
        "percent",
        "The share of people in the training whose picture the generator draws again, nearly as it "
        "was, from one seed to the next.",
        role="exposure",
        sentence=_EXPOSED,
    ),
    "extracted": Label(
        "People drawn without being asked for",
        "percent",
        "The share of people in the training whose picture appears among samples that were drawn "
        "for nobody.",
        role="exposure",
        sentence=_EXPOSED,
    ),
    "ratio_auc": Label(
        "Drawn nearer to the own picture (AUC)",
        "number",
        "How often what is drawn for a member lies nearer to the own picture, beside other "
        "pictures, than what is drawn for somebody the generator never saw.",
    ),
    "member_gap": Label(
        "More often found among members",
        "percent",
        "How much more often people in the training are found than people whom the model never "
        "saw: pairs learnt by heart.",
        role="control",
    ),
    "unique_by_one": Label(
        "Singled out by one quoted number",
        "percent",
        "The share of people of whom a text quotes a number that is nobody else's.",
        role="exposure",
        sentence=_EXPOSED,
    ),
    "unique": Label(
        "Singled out by the numbers quoted",
        "percent",
        "The share of people whose quoted numbers, together, are nobody else's.",
        role="exposure",
        sentence=_EXPOSED,
    ),
    "exposure_bits": Label(
        "Exposure of canaries, bits",
        "number",
        "How far the model favours canaries that were put into its training over others like "
        "them; chance is 1.44 bits.",
    ),
    "r2_mean": Label(
        "Of the inputs rebuilt, on average (R²)",
        "number",
        "The share of the spread of a model's inputs that what it gives out tells again.",
        role="exposure",
    ),
    "r2_best": Label(
        "Of the input that is rebuilt best (R²)",
        "number",
        "The share of its spread that what the model gives out tells again.",
        role="exposure",
    ),
    "auc": Label(
        "Told apart (AUC)",
        "number",
        "How often the attacker ranks a true case above a false one: 0.5 is guessing, 1 is always.",
        sentence=_ORDERED,
    ),
    "sex_auc": Label(
        "Sex, told from the recording (AUC)",
        "number",
        "Shown a man and a woman, how often the attacker says rightly which is which: 0.5 is "
        "guessing, 1 is always.",
        sentence=_ORDERED,
    ),
    "age_mae_years": Label(
        "Error of the guessed age",
        "years",
        "How far the attacker's guess is from the true age, on average; lower is a better guess.",
        lower_is_worse=True,
        sentence="The attacker guesses an age to within about {value} on average (between {low} "
        "and {high}); naming the typical age for everybody is off by {chance}.",
    ),
    "age_gain_years": Label(
        "Gain over naming the typical age",
        "years",
        "How much closer the attacker comes than somebody who names one typical age for "
        "everybody; 0 means the recording gave nothing away.",
    ),
    "age_concordance": Label(
        "Older told from younger",
        "number",
        "Shown two people, how often the attacker says rightly who is older: 0.5 is guessing.",
        sentence=_ORDERED,
    ),
    "direct": Label(
        "People with a direct identifier",
        "percent",
        "The share of people for whom a name, a number, a date or the like is in the files.",
        role="exposure",
        sentence=_EXPOSED,
    ),
    "ages_over_89": Label(
        "People with an exact age over 89",
        "percent",
        "So few people reach such an age that many rules count it as an identifier.",
        role="exposure",
        sentence=_EXPOSED,
    ),
    "copied_within": Label(
        "People with one recording twice",
        "percent",
        "The share of people of whom one recording, or a part of it, stands in the release twice.",
        role="exposure",
        sentence=_EXPOSED,
    ),
    "copied_across": Label(
        "People whose recording stands under another name",
        "percent",
        "The share of people of whom a recording, or a part of it, is also another person's.",
        role="exposure",
        sentence=_EXPOSED,
    ),
    "like_strangers": Label(
        "People with a recording that may not be theirs",
        "percent",
        "The share of people of whom a recording looks less like their first one than like most "
        "other people's: a wrong name, or a heart that has changed.",
        role="exposure",
        sentence=_EXPOSED,
    ),
    "max_risk": Label(
        "Risk of the most exposed person",
        "percent",
        "One divided by the number of people who share the rarest combination of attributes; "
        "100% means that somebody is alone.",
        role="exposure",
    ),
    "mean_risk": Label(
        "Average risk",
        "percent",
        "The chance of naming a person from the attributes alone, averaged over everybody.",
        role="exposure",
        sentence=_FOUND,
    ),
    "auc_known": Label(
        "Told apart by somebody who knows sex and age (AUC)",
        "number",
        "How often a recording of the person is ranked above one of a stranger of that sex and "
        "age: 0.5 is guessing, 1 is always.",
    ),
    "free_text": Label(
        "People with free text",
        "percent",
        "The share of people of whom the files hold words that nobody checked.",
        role="exposure",
        sentence=_EXPOSED,
    ),
    "both_sides": Label(
        "People on both sides of the split",
        "percent",
        "The share of people a model is judged by who were also trained on.",
        role="exposure",
    ),
    "near_duplicate": Label(
        "People with a near copy on the other side",
        "percent",
        "The share of people of whom a record is almost one of the other side of the split.",
        role="exposure",
    ),
    "leaf_of_one": Label(
        "People alone in a leaf",
        "percent",
        "The share of people for whom some leaf of a tree was grown for one training person.",
        role="exposure",
        sentence=_EXPOSED,
    ),
    "leaf_alone": Label(
        "People alone at a leaf",
        "percent",
        "The share of people whom one leaf of a tree tells from everybody else.",
        role="exposure",
        sentence=_EXPOSED,
    ),
    "leaf_below_10": Label(
        "People in a leaf of fewer than 10",
        "percent",
        "The share of people who share a leaf with fewer than nine others.",
        role="exposure",
        sentence=_EXPOSED,
    ),
    "path_alone": Label(
        "People alone by their path through all trees",
        "percent",
        "The share of people whose leaves in all trees together are nobody else's.",
        role="exposure",
        sentence=_EXPOSED,
    ),
    "path_below_10": Label(
        "People whose path is shared by fewer than 10",
        "percent",
        "The share of people who share their leaves in all trees with fewer than nine others.",
        role="exposure",
        sentence=_EXPOSED,
    ),
    "isolated": Label(
        "People between two thresholds of their own",
        "percent",
        "The share of people whom thresholds of the trees fence off from everybody else.",
        role="exposure",
        sentence=_EXPOSED,
    ),
    "rebuilt": Label(
        "People of whom a value is rebuilt from thresholds",
        "percent",
        "The share of people of whom the thresholds of the trees tell a value nearly exactly.",
        role="exposure",
        sentence=_EXPOSED,
    ),
    "recited": Label(
        "People whose answer is told word for word",
        "percent",
        "The share of people in the training whose own text a model writes again.",
        role="exposure",
        sentence=_EXPOSED,
    ),
    "told_direct": Label(
        "People named in what the model writes",
        "percent",
        "The share of people in whose texts a model writes a direct identifier.",
        role="exposure",
        sentence=_EXPOSED,
    ),
    "told_indirect": Label(
        "People described in what the model writes",
        "percent",
        "The share of people in whose texts a model writes an age, a place or the like.",
        role="exposure",
    ),
    "written_direct": Label(
        "People named in the texts it was taught with",
        "percent",
        "The share of people in whose training texts a direct identifier stands.",
        role="exposure",
    ),
    "written_indirect": Label(
        "People described in the texts it was taught with",
        "percent",
        "The share of people in whose training texts an age, a place or the like stands.",
        role="exposure",
    ),
    "few_apart": Label(
        "People in the gap between two models",
        "percent",
        "The share of people who stand in one model's counts and not in another's, where fewer "
        "than ten do.",
        role="exposure",
    ),
    "diagnosis_gain": Label(
        "A diagnosis told better than by sex and age",
        "number",
        "How much the largest gain in AUC for any diagnosis is; 0 means that nothing is added.",
        role="control",
    ),
    "withheld_gain": Label(
        "A withheld diagnosis told better than by sex and age",
        "number",
        "The largest gain in AUC for any diagnosis that was not given out; 0 means no gain.",
        role="control",
    ),
    "encounter_gap": Label(
        "More often found by the same encounter",
        "percent",
        "How much more often a recording is linked within one encounter than within one person.",
        role="control",
    ),
    "one_sex": Label(
        "People whose sex a model's existence tells",
        "percent",
        "The share of people who were put in a model that was trained on one sex only.",
        role="exposure",
    ),
    "below_11": Label(
        "People in a group of fewer than 11",
        "percent",
        "The share of people who share their combination of attributes with fewer than ten others.",
        role="exposure",
        sentence=_EXPOSED,
    ),
}


def estimate_label(name: str) -> Label:
    """The plain words for an estimate, also for one this page has never heard of."""
    if label := _ESTIMATES.get(name):
        return label
    if part := re.fullmatch(r"(among|holding)_(.+)_rank1", name):
        held = "Found by somebody who holds " if part[1] == "holding" else "Found, of those with "
        return Label(
            held + part[2].replace("_", " "),
            "percent",
            "The share of people named first, in a part of the test; parts of fewer than ten "
            "people are not told.",
            role="control",
        )
    if among := re.fullmatch(r"rank1_among_(\d+)", name):
        return Label(
            f"Found among {int(among[1]):,} people",
            "percent",
            "The share of people named rightly by an intruder who searches so many; where fewer "
            "were searched, computed exactly, where more would be, foretold.",
            sentence=f"Searching among {int(among[1]):,} people, about {{value}} of 1,000 would be "
            "found (between {low} and {high}); guessing would find {chance}.",
        )
    if part := re.fullmatch(r"(?:(sex|age)_)?masked_(.+)", name):
        what = {None: "Fewer people found", "sex": "Sex told worse", "age": "Age told worse"}
        return Label(
            f"{what[part[1]]} without {_PARTS.get(part[2], words.humanise(part[2]))}",
            "percent" if part[1] is None else "number",
            "How much the attack loses when this part of every heartbeat shows the mean beat of "
            "many people; the six intervals are so wide that all of them hold together.",
            role="control",
        )
    if known := _derived(name):
        return known
    if rank := re.fullmatch(r"rank(\d+)", name):
        return Label(
            f"Found within {rank[1]} attempts",
            "percent",
            f"The share of people whose record is among the first {rank[1]} the attacker names.",
            sentence=_FOUND,
        )
    if rate := re.fullmatch(r"(tpir|tpr|tar)_at_(?:fpir|fpr|fmr)_(\d+(?:[._]\d+)?)pct", name):
        share = rate[2].replace("_", ".")
        if rate[1] == "tpr":
            return Label(
                f"True cases found at {share}% false alarms",
                "percent",
                f"The share of true cases the attacker claims while claiming {share}% of the "
                "false ones.",
            )
        return Label(
            f"Found, at {share}% false alarms",
            "percent",
            f"The share of people found by an attacker who would rather stay silent: {share}% of "
            "those who are not in the release are taken for somebody who is.",
            sentence=_FOUND,
        )
    if name.endswith("_auc"):
        return Label(f"{words.humanise(name[:-4])}, told from the recording (AUC)", "number",
                     _ESTIMATES["auc"].meaning, sentence=_ORDERED)  # fmt: skip
    if name.endswith("_years"):
        return Label(words.humanise(name[:-6]), "years", "", role="unknown")
    counted = name.startswith("n_") or name.endswith(("_s", "_ms", "_mv", "_db", "_ratio"))
    return Label(words.humanise(name), "number" if counted else "percent", "", role="unknown")


#: What stands before an estimate's name when something else was asked for comparison.
_PARTS = {
    "p": "the P wave",
    "pr": "the PR segment",
    "qrs": "the QRS",
    "st": "the ST segment",
    "t": "the T wave",
    "tp": "the rest between beats",
}

_BESIDE = {
    "inputs": "what went into the model",
    "untrained": "a model with random weights",
    "known": "sex and age alone",
    "whitened": "scores made alike in spread",
    "standardised": "scores in units of their spread",
    "cosine": "the angle between outputs",
    "members": "people the model was trained on",
    "nonmembers": "people the model never saw",
    "label": "the label",
    "taught": "an attacker who was taught on pairs",
    "person": "the person",
    "encounter": "one encounter of the person",
    "blank": "a blank picture",
    "image_only": "the picture alone",
    "signal_only": "the signal alone",
    "full": "picture and signal",
    "alike": "people alike in sex and age",
    "planted": "a twin in which something was planted",
    "null": "a twin that holds nothing",
}


_TOLD = {"rank1": "People found", "sex": "Sex told", "age": "Age told"}


_COMPARED = frozenset(
    {*("inputs", "untrained", "known", "whitened", "standardised", "cosine", "label", "planted")}
    | {*("null", "blank", "image_only", "signal_only", "person", "encounter", "alike")}
)


def _derived(name: str) -> Label | None:
    """An estimate whose name is built from parts: of whom, by what, beyond what."""
    if gain := re.fullmatch(r"(?:(\w+?)_)?gain_over_(\w+?)(_years)?", name):
        what = _BESIDE.get(gain[2], words.humanise(gain[2]).lower())
        first = re.sub(r"_gain$", "", gain[1] or "rank1")
        base = _TOLD.get(first) or words.humanise(first)
        return Label(
            f"{base}: more than by {what}",
            "years" if gain[3] else "number" if gain[1] else "percent",
            "How much better the attack does than with that alone; 0 means that it adds nothing.",
            role="control",
        )
    if column := re.fullmatch(r"r2_(.+)", name):
        meaning = "The share of its spread that what the model gives out tells again."
        return Label(f"Of {words.humanise(column[1])}, rebuilt (R²)", "number", meaning, "exposure")
    if excess := re.fullmatch(r"(.+)_excess", name):
        base = estimate_label(excess[1]).title
        meaning = "How much more often than where there is nothing to find."
        return Label(f"{base}: more than by chance", "percent", meaning, "control")
    if beyond := re.fullmatch(r"beyond_(.+)", name):
        inner = estimate_label(beyond[1])
        meaning = "What is left when everything that sex and age tell is taken away."
        return Label(f"{inner.title}, beyond what sex and age tell", inner.unit, meaning, "control")
    if label := re.fullmatch(r"label_(.+)_(rank\d+|auc_known)", name):
        unit: Unit = "percent" if label[2].startswith("rank") else "number"
        meaning = "A control: what the label alone would link."
        return Label(f"Found by the label {words.humanise(label[1])}", unit, meaning, "control")
    for first, meaning in _BESIDE.items():
        rest = name.removeprefix(f"{first}_")
        if rest == name or (inner := estimate_label(rest)).role == "unknown":
            continue
        role = "control" if first in _COMPARED else inner.role
        told = "" if role == "control" else inner.sentence
        title = f"{inner.title} – {meaning}"
        return Label(title, inner.unit, inner.meaning, role, inner.lower_is_worse, told)
    return None


def sentence(label: Label, estimate: Estimate) -> str:
    """An estimate told as people, in a sentence; "" where its name does not allow it."""
    if not label.sentence or not math.isfinite(estimate.value):
        return ""
    told = label.sentence
    if estimate.chance is None and "{chance}" in told:
        told = told.partition(";")[0] + "."
    width = estimate.high - estimate.low
    parts = {
        part: formatting.per_thousand(getattr(estimate, part), label.unit, width)
        for part in ("value", "low", "high")
    }
    if parts["low"] == parts["high"]:  # a count of everybody has no interval to tell
        told = told.replace(" (between {low} and {high})", "")
    text = told.format(**parts, chance=formatting.per_thousand(estimate.chance, label.unit))
    return re.sub(r"\babout (?=more than|fewer than|nobody)", "", text)

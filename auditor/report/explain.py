"""What is asked, what a number means, where a limit comes from, and what would settle it.

For whoever meets a rule or a finding at the command line and is no statistician.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache

from auditor.core import formatting
from auditor.core.errors import ConfigError
from auditor.core.finding import Audit, Estimate, Finding, Ruling
from auditor.policy.profile import Profile, Rule, load_profile, recorded_profile
from auditor.policy.questions import QUESTIONS, matches
from auditor.report import labels, words
from auditor.resources import names

#: Estimates of a finding that are told in full; the others stand in the report.
_TOLD = 6


@dataclass(frozen=True)
class Explanation:
    """A title, and paragraphs under headings."""

    title: str
    sections: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True)
class Check:
    """What is said of one check.

    Attributes
    ----------
    asks : the question, and how it is asked
    settles : what would settle it where it is not
    answers : what people ask about it, and the answer
    """

    asks: str
    settles: str
    answers: tuple[tuple[str, str], ...] = ()


_MORE_PEOPLE = (
    "More people: an interval shrinks with the root of their number, and an inconclusive rule says "
    "how many more it would take."
)
_MEMBERS_NAMED = (
    "A model.yaml beside the model that says who was in its training and who was not, at least ten "
    "people of either kind, drawn from the same place; some 440 others before a rate at one in a "
    "hundred has a lower end."
)
_NONE_FOUND = (
    "Is a model safe of which nothing was found?",
    "Of this attack, at this strength, on these people. The rule passes only where the same attack "
    "also caught a twin that was made to be caught; where none can be made it stays inconclusive.",
)

CHECKS: Mapping[str, Check] = {
    "linkage": Check(
        "Somebody holds one ECG of a person and a release without names. Each person is enrolled "
        "by one record and looked for by another: how often is the right one named first? A ladder "
        "of attackers tries, from the average beat to networks taught on other people.",
        "Records of the same people from two days: without them cross-session is not assessed. "
        "Then more people, and the strongest rung, which the preset quick already holds.",
        (
            (
                "The attack found hardly anybody, and neither does guessing. Is that safe?",
                "Only if the attack could have found them. It is run on a simulated twin of the "
                "release in which everybody differs, where it must find people, and on one where "
                "nobody does, where it must not. Without that proof the rule does not pass.",
            ),
            (
                "Why is the rate within one session so much higher?",
                "Electrodes, posture and noise are the same. It is an upper bound, and no rule "
                "requires it; an intruder's own recording comes from another day.",
            ),
            (
                "Our release is far larger than the test. Does the rate hold?",
                "No: among more people fewer are found. rank1_among_<n> is computed for smaller "
                "galleries and foretold for larger ones, with the spread between models in the "
                "interval.",
            ),
            (
                "Which records does the intruder need?",
                "One, with the name of its person; `auditor explain slices` says what happens with "
                "a few beats or one lead of it.",
            ),
        ),
    ),
    "slices": Check(
        "The same search, group by group, and by an intruder who holds less: a few beats, one "
        "lead, a noisy recording. An average that is low may hide a group that is easily found.",
        "At least ten people in a group; smaller ones are not told.",
    ),
    "shortcut": Check(
        "Everything but the heartbeat is looked at: noise between beats, mains hum, digital steps, "
        "header fields, the order of files. What it finds is the recorder or the session.",
        "Remove what it found, by resampling, filtering and shuffling, and scan again; what is "
        "still found then is the heart.",
        (
            (
                "People are found. Is it really their hearts?",
                "That is what this check is for: where it finds people too, the device or the day "
                "names them, and the linkage rate is not of hearts alone.",
            ),
        ),
    ),
    "attribute": Check(
        "Can sex and age, which a release may withhold, be read from the recordings? Learners are "
        "taught on some people and asked about others.",
        "People of known sex and age, ten of each sex at least. " + _MORE_PEOPLE,
        (
            (
                "What does the intruder hold beforehand?",
                "Other people's recordings with sex and age, as any public data set has them; of "
                "the person in question the recording alone.",
            ),
        ),
    ),
    "attribution": Check(
        "Which part of the heartbeat gives people away? Each part is put away in turn, for the "
        "mean beat of many people and for another person's; what is lost is the claim.",
        "An attack that finds people at all: where it does not, there is nothing to take apart.",
        (
            (
                "Can the picture be believed?",
                "Each of seven explanations is put to the test and called trustworthy or not; "
                "where none is, none is drawn. The drop without a part needs no explanation.",
            ),
        ),
    ),
    "identifiers": Check(
        "Does anything name people outright: a name, a number, a date, a place, a device, in "
        "headers, comments, annotations, file names, tables?",
        "Remove what was found and scan again; `auditor inspect` shows where, on your own screen.",
        (
            (
                "One date in one header: does that fail a release?",
                "Yes. The limit is nobody, for the law lists what must be gone and makes no "
                "exception for few.",
            ),
        ),
    ),
    "uniqueness": Check(
        "Somebody who knows a person's sex, age or the like looks for the one record that fits. "
        "How small are the groups in which people stand alike, here and in the population the "
        "profile declares?",
        "Nothing statistical: everybody is counted. Coarser ages, no dates, or fewer columns.",
        (
            (
                "Why is the risk of the most exposed person so often 100%?",
                "Because it is the worst case and not the average: one person who is alone in the "
                "release, and would be in the population, is enough. Where days of recordings are "
                "released, whoever knows the day looks in the release alone.",
            ),
            (
                "What is k?",
                "The size of a group that shares all released values. Risk is about 1/k: 11 gives "
                "0.09, 5 gives 0.2, 3 gives 0.33.",
            ),
            (
                "Which columns count as known to the intruder?",
                "All that the release tells of a person beside the signal; the table known in the "
                "report says what each adds.",
            ),
        ),
    ),
    "duplicates": Check(
        "Does a recording, or a part of it, stand in the release twice, or under two names?",
        "Take out the copies; a person whose recordings look like a stranger's is for you to "
        "look up.",
    ),
    "split": Check(
        "Does a person, or a copy of a record, stand on both sides of the split by which a model "
        "was judged? Then it was judged on what it had learnt.",
        _MEMBERS_NAMED,
    ),
    "membership": Check(
        "Whoever holds somebody's records asks the model whether that person was in its training. "
        "Reference models, trained by the recipe that the file shows, say how well the model "
        "should know such a person.",
        _MEMBERS_NAMED,
        (
            (
                "Which point of the curve is the leak?",
                "The share of members named while one in a hundred others is named falsely. The "
                "AUC averages over people whom nobody would dare to name; both are limited.",
            ),
            (
                "Why is the result void where members differ without the model?",
                "A blind control that never asks the model tells members from others: the two were "
                "drawn from different places, and any attack would only show that.",
            ),
            _NONE_FOUND,
        ),
    ),
    "privacy-loss": Check(
        "People whom the model never saw are given labels by one coin and put into a training by "
        "another. How well the second coin can be told bounds what the recipe gives away of one "
        "person at worst.",
        "More people outside the training: each is a canary.",
        (
            (
                "Does this prove that a model is differentially private?",
                "No. It shows a loss that is at least so large: it can refute a claimed ε and "
                "never confirm one. Only the proof of the training method can.",
            ),
        ),
    ),
    "structure": Check(
        "What does the file of a model of trees itself show: leaves of one person, thresholds "
        "beyond which there is hardly anybody, values that are somebody's, codes of which one "
        "contains another?",
        "People the trees never saw, ten at least, beside whom the members are counted. Larger "
        "leaves and fewer digits mend it.",
        (
            (
                "Are small leaves a leak?",
                "Not as such: other people fall into small leaves as well. An alarm is raised "
                "where members do so more often, by more than chance, or where one person is "
                "certain.",
            ),
        ),
    ),
    "output-linkage": Check(
        "An intruder holds what a model gave out of one record of each person, with names, and "
        "looks for those people in what it gave out of other records.",
        "Ten people with two records. " + _MORE_PEOPLE,
        (
            (
                "The inputs name people as well. What does the model add?",
                "gain_over_inputs: how many more are found by what it gives out. Where it is not "
                "above 0 the model adds nothing, and the inputs are the risk.",
            ),
        ),
    ),
    "inversion": Check(
        "How much of the inputs can be rebuilt from what a model gives out, by somebody who has "
        "seen inputs and outputs of other people?",
        "A column that is known of twenty people.",
    ),
    "output-attribute": Check(
        "Can sex, age, or a diagnosis that was withheld be read from what a model gives out, "
        "beyond what age and sex, the inputs and random weights already tell?",
        "People of known sex, age or diagnosis, ten of each kind.",
        (
            (
                "Which number is the leak?",
                "The gain, not the AUC: a diagnosis of old age is told by anything that tells age.",
            ),
        ),
    ),
    "cross-modal": Check(
        "Whoever holds somebody's ECG and the model picks that person's image out of many.",
        "Ten people whom the model never saw, with an ECG and an image of one visit.",
        (
            (
                "The model is meant to match ECG and image. Is that not a success?",
                "For the task it is; for whoever releases unnamed images beside it, it is a link. "
                "alike_auc_known says what goes beyond what is true of many.",
            ),
        ),
    ),
    "memorisation": Check(
        "Does a generator draw pictures of its training people again: asked by their ECG, asked "
        "by nobody, or near enough that the drawn picture finds the real one?",
        "Ten members and ten others, with a picture each, of the same kind.",
        (
            (
                "Drawn pictures are of nobody. What does that guarantee?",
                "Nothing by itself. A picture that comes back from one seed to the next, three "
                "times as near to one real picture as to any other, is that person's.",
            ),
            _NONE_FOUND,
        ),
    ),
    "text": Check(
        "Whom do texts about ECGs single out: by the numbers they quote, by leading back to the "
        "record, by reciting an answer that was taught, by identifiers?",
        "Ten people with a text; for recital ten members with a taught answer and ten others; for "
        "canaries one, and 99 alternatives.",
        (_NONE_FOUND,),
    ),
    "competence": Check(
        "Could the attack have found anything? In a simulated twin, in the numbers of the release, "
        "identities are planted, which it must find; in another there are none, and it must find "
        "none. A model's twin learnt its members by heart.",
        "It is carried out where nothing else keeps a required rule from passing; scan again with "
        "the profile in question.",
    ),
    "training": Check(
        "Whoever receives the release can train these clinical systems on it. Those that could be "
        "trained are audited like models that are released.",
        "The labels and tables that the reason names.",
    ),
}

#: What a number means where the page's own words are of another check, or silent: check ("" for
#: any), name, words.
_NUMBERS: tuple[tuple[str, str, str], ...] = (
    (
        "identifiers",
        "free_text",
        "The share of people beside whose recordings somebody wrote freely: what stands there was "
        "not understood, and may name anybody.",
    ),
    (
        "split",
        "both_sides",
        "The share of people the model is judged by who stand, by name, in its training too.",
    ),
    (
        "split",
        "near_duplicate",
        "The share of people the model is judged by of whom a record is all but another person's "
        "in the training: one person under two names. Chance is how often that is so within the "
        "training.",
    ),
    (
        "split",
        "copied",
        "The share of people the model is judged by of whom a record is another person's in the "
        "training, in every column.",
    ),
    (
        "structure",
        "leaf_of_one",
        "The share of members who are alone in a leaf by the file's own counts.",
    ),
    ("structure", "leaf_alone", "The share of people who are alone in a leaf."),
    (
        "structure",
        "leaf_below_<n>",
        "The share of people who share a leaf with fewer people than the number in the name.",
    ),
    (
        "structure",
        "path_alone",
        "The share of people whose way through all the trees is nobody else's.",
    ),
    (
        "structure",
        "path_below_<n>",
        "The share of people who share their way through the trees with fewer people than the "
        "number in the name.",
    ),
    (
        "structure",
        "cells_auc",
        "How often a member is told from somebody else by how the thresholds stand around their "
        "values: 0.5 is guessing.",
    ),
    (
        "structure",
        "isolated",
        "The share of people whom a threshold cuts off from nearly everybody.",
    ),
    (
        "structure",
        "rebuilt",
        "The share of people of whom a value is read off the thresholds.",
    ),
    (
        "structure",
        "few_apart",
        "The share of members who are among the few that have a finding and not the part of it "
        "that another model is of.",
    ),
    ("structure", "one_sex", "The share of members whose sex follows from being in a model."),
    (
        "structure",
        "apart_auc",
        "How often two models together tell who has a finding and not its part: 0.5 is guessing.",
    ),
    (
        "structure",
        "apart_excess",
        "How much better they tell it of members than of people they never saw.",
    ),
    (
        "",
        "rank1_excess",
        "How much more often people are found than a stranger of the same sex and age band would "
        "be in their place.",
    ),
    (
        "",
        "<name>_excess",
        "How much larger that share is among members than among people who were never learnt from: "
        "0 where nothing was learnt.",
    ),
    (
        "",
        "auc_known",
        "How often a person's own record scores above that of somebody else of the same sex and "
        "about that age: 0.5 is guessing, whatever sex and age tell.",
    ),
    (
        "",
        "beyond_rank1",
        "The share of people found first by what age and sex do not foretell.",
    ),
    (
        "",
        "beyond_auc_known",
        "The same, among people alike in sex and age, by what those do not foretell.",
    ),
    (
        "",
        "alike_auc_known",
        "The same, among people of whom the same findings are true as well.",
    ),
    (
        "",
        "taught_auc_known",
        "The same, by an attacker taught on other people's pairs.",
    ),
    ("", "person_auc_known", "The same, by an ECG of another visit."),
    ("", "label_<name>_auc_known", "The same, among people of whom that finding is true."),
    (
        "",
        "gain_over_inputs",
        "How many more people are found first than by the inputs alone; 0 or less: the model adds "
        "nothing.",
    ),
    (
        "",
        "gain_over_untrained",
        "How many more people are found first than by the same network with random weights.",
    ),
    (
        "",
        "whitened_rank1",
        "The share found first by an attacker who also whitens what the model gives out.",
    ),
    (
        "",
        "standardised_rank1",
        "The share found first by plain distance, each column brought to one scale.",
    ),
    ("", "cosine_rank1", "The share found first by the angle between what the model gives out."),
    ("", "members_rank<n>", "The share found within so many attempts, of people in the training."),
    (
        "",
        "nonmembers_rank<n>",
        "The share found within so many attempts, of people the model never saw.",
    ),
    (
        "",
        "taught_rank<n>",
        "The share found within so many attempts by an attacker taught on other people's pairs.",
    ),
    ("", "taught_members_rank<n>", "The same, of people in the training."),
    (
        "",
        "taught_member_gap",
        "How much more often that attacker finds people in the training than others.",
    ),
    (
        "",
        "label_<name>_rank<n>",
        "The share found within so many attempts among people of whom a finding is true.",
    ),
    (
        "",
        "person_rank<n>",
        "The share found within so many attempts by an ECG of another visit: the person, not the "
        "day.",
    ),
    (
        "",
        "encounter_rank<n>",
        "The share of the same people found by the ECG of the very visit.",
    ),
    (
        "",
        "encounter_gap",
        "How many more people the ECG of the very visit finds than one of another visit.",
    ),
    (
        "inversion",
        "r2_<name>",
        "The share of that input's spread over people that what the model gives out tells again: 1 "
        "is all of it, 0 none.",
    ),
    (
        "output-attribute",
        "withheld_auc",
        "How often a diagnosis that was withheld is told rightly of two people, with age and sex: "
        "0.5 is guessing. Of the diagnosis that gains most.",
    ),
    (
        "output-attribute",
        "withheld_gain",
        "How much of that AUC is beyond what age and sex tell, of the diagnosis that gains most.",
    ),
    (
        "output-attribute",
        "withheld_gain_over_<name>",
        "How much of it is beyond what the inputs, or random weights, tell with age and sex.",
    ),
    (
        "output-attribute",
        "diagnosis_auc",
        "How often a diagnosis that the model was made to tell is told rightly of two people.",
    ),
    (
        "output-attribute",
        "diagnosis_gain",
        "How much of that AUC is beyond what age and sex tell.",
    ),
    (
        "output-attribute",
        "diagnosis_gain_over_<name>",
        "How much of it is beyond what the inputs, or random weights, tell with age and sex.",
    ),
    (
        "",
        "sex_gain_over_<name>",
        "How much better sex is told than by age (known), by the inputs, or by random weights.",
    ),
    (
        "",
        "age_gain_over_<name>_years",
        "How many years nearer the guessed age comes than by sex (known), the inputs, or random "
        "weights.",
    ),
    (
        "memorisation",
        "unasked_auc",
        "How often pictures drawn for nobody come nearer to a member's than to somebody else's; "
        "chance is what sex and age alone would give.",
    ),
    (
        "text",
        "unique_by_one",
        "The share of people one of whose texts quotes a number that is nobody else's.",
    ),
    (
        "text",
        "unique",
        "The share of people whose quoted numbers, together, are nobody else's.",
    ),
    (
        "text",
        "below_11",
        "The share of people whose quoted numbers are shared with fewer than ten others.",
    ),
    (
        "text",
        "tokens_auc",
        "How often a member is told from somebody else by how likely the model finds the answer: "
        "0.5 is guessing.",
    ),
    (
        "text",
        "<name>_auc",
        "How often a member is told from somebody else by how much of the own answer the model "
        "recites to a prompt that shows all, nothing, the image or the signal; chance is what sex "
        "and age alone would give.",
    ),
    (
        "text",
        "<name>_recited",
        "The share of members half of whose taught answer is told word for word, to a prompt that "
        "shows all (full), nothing (blank), the image or the signal.",
    ),
    (
        "text",
        "<name>_direct",
        "The share of people in whose texts, told by the model or written before, a name, number, "
        "date or the like is met.",
    ),
    (
        "text",
        "<name>_indirect",
        "The share of people in whose texts an age, a device, or words about an earlier visit are "
        "met.",
    ),
)

_OUTCOMES: Mapping[str, str] = {
    "pass": "The whole interval is at or below the limit, by the strongest attack, and that attack "
    "was shown able to find what is there.",
    "fail": "The whole interval is beyond the limit, and beyond what guessing would score. A cheap "
    "attack is enough to fail a release.",
    "inconclusive": "The limit lies inside the interval, or nothing shows that the attack could "
    "have found anybody. A required rule that is inconclusive keeps the gate shut (exit status 3); "
    "the rule's reason says how many more people would settle it.",
    "not assessed": "Nothing measured it, or only attacks too weak to pass anything. A required "
    "rule that was not assessed keeps the gate shut (exit status 3); no waiver opens it.",
}

_BASES = (
    "A basis that begins with law: cites what a law asks, though no law names a number for the "
    "risk of being found. precedent: is a number that a regulator or a data custodian has used. "
    "our default is this program's own choice, with its reason. A profile of your own may set "
    "another limit, and must say what it rests on."
)
_INTERVAL = (
    "Rates count people, not recordings. A number stands with an interval, which holds the truth "
    "in 19 of 20 such audits where its level is 95%, with the people behind it, and with what "
    "guessing would score. A rule looks at the interval's end and never at the number alone."
)
_WEAK = (
    "What an attack does not find may be found by a better one. So a cheap attack may fail a "
    "release and never pass it: before a rule passes, the strongest attack must have been carried "
    "out, and have found what was planted in a twin where there is something to be found. That "
    "attack and guessing both score little is no sign of safety."
)
_CERTAIN = (
    "Here nothing is attacked: what stands in the files is counted. What was not understood as an "
    "identifier is not counted, so a clean result is of the classes that are looked for."
)
_COUNTED = {"identifiers", "uniqueness", "duplicates"}


def explain(name: str, audit: Audit | None = None) -> Explanation:
    """What a rule, a finding, a check, a number, a protocol or an outcome means.

    Parameters
    ----------
    audit : where the finding or the rule is of; without one, in general

    Raises
    ------
    ConfigError
        Nothing is called so.
    """
    profiles = _profiles() if audit is None or "rules" not in audit.profile else ()
    if audit is not None:
        if "rules" in audit.profile:
            profiles = (recorded_profile(audit.profile),)
        finding = next((one for one in audit if one.id == name), None)
        if finding is not None:
            return _of_finding(finding, audit, profiles)
        ruling = next((one for one in audit.verdict.rules if one.id == name), None)
        if ruling is not None:
            return _of_rule(ruling.id, profiles, ruling)
    check, *rest = name.split("/")
    if any(rule.id == name for profile in profiles for rule in profile.rules):
        return _of_rule(name, profiles)
    if check in CHECKS:
        return _of_check(check, rest, profiles)
    if name in _OUTCOMES:
        return Explanation(words.humanise(name), (("What it means", (_OUTCOMES[name],)),))
    if meant := words.protocol_meaning(name):
        return Explanation(words.protocol_title(name), (("What is asked", (meant,)),))
    if asked := [one for one, question in QUESTIONS.items() if question.answers(name)]:
        return _of_number(name, asked, profiles)
    known = [one for each in explained(audit).values() for one in each]
    near = get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}?" if near else "`auditor explain` alone lists what can be"
    raise ConfigError(f"nothing is called {name:.60}; {hint}")


def explained(audit: Audit | None = None) -> dict[str, list[str]]:
    """What can be explained, by kind."""
    rules = (rule.id for profile in _profiles() for rule in profile.rules)
    numbers = (one for question in QUESTIONS.values() for one in question.estimates)
    listed: dict[str, Iterable[str]] = {
        "rules": rules if audit is None else (one.id for one in audit.verdict.rules),
        "findings": () if audit is None else (one.id for one in audit),
        "checks": CHECKS,
        "numbers": sorted(numbers),
        "protocols": sorted(
            one
            for one in {each for question in QUESTIONS.values() for each in question.protocols}
            if words.protocol_meaning(one)
        ),
        "outcomes": _OUTCOMES,
    }
    every = {kind: list(dict.fromkeys(some)) for kind, some in listed.items()}
    return {kind: some for kind, some in every.items() if some}


def meaning(check: str, estimate: str) -> str:
    """What a number of a check means, in a sentence or two; "" where nobody has said."""
    for of, name, told in _NUMBERS:
        if of in ("", check) and matches(name, estimate):
            return told
    label = labels.estimate_label(estimate)
    return "" if label.role == "unknown" else label.meaning


@cache
def _profiles() -> tuple[Profile, ...]:
    """The profiles that ship."""
    return tuple(load_profile(name) for name in names("profile"))


def _of_rule(name: str, profiles: Sequence[Profile], ruling: Ruling | None = None) -> Explanation:
    found = [(one, rule) for one in profiles for rule in one.rules if rule.id == name]
    said = (("In this audit", _ruled(ruling)),) if ruling else ()
    if not found:  # of a waiver, or of a profile that the audit does not tell
        return Explanation(name, said)
    rule = found[0][1]
    about = _common(rule.check, [rule.estimate], found)
    return Explanation(f"{name}: {words.check_title(rule.check).lower()}", (*said, *about))


def _of_check(check: str, rest: Sequence[str], profiles: Sequence[Profile]) -> Explanation:
    limits = [
        (one, rule)
        for one in profiles
        for rule in one.rules
        if rule.check == check and (rule.protocol in (None, *rest) or not rest)
    ]
    numbers = list(dict.fromkeys(rule.estimate for _, rule in limits))
    if not numbers and check in QUESTIONS:
        numbers = list(QUESTIONS[check].estimates[:_TOLD])
    title = ": ".join([words.check_title(check), *([", ".join(rest)] if rest else [])])
    told = [one for one in map(words.protocol_meaning, rest) if one]
    return Explanation(title, _common(check, numbers, limits, told))


def _of_number(name: str, checks: Sequence[str], profiles: Sequence[Profile]) -> Explanation:
    means = [f"{words.check_title(one)} ({one}): {meaning(one, name)}" for one in checks]
    limits = [(one, rule) for one in profiles for rule in one.rules if rule.estimate == name]
    return Explanation(
        f"{name}: {labels.estimate_label(name).title.lower()}",
        (
            ("What the number means", (*dict.fromkeys(means), _INTERVAL)),
            ("Where the limit comes from", _limits(limits)),
        ),
    )


def _of_finding(finding: Finding, audit: Audit, profiles: Sequence[Profile]) -> Explanation:
    rulings = [one for one in audit.verdict.rules if one.finding == finding.id]
    judged = [one.estimate for one in rulings if one.estimate in finding.estimates]
    question = QUESTIONS.get(finding.check)
    numbers = [one for one in finding.estimates if question and question.answers(one)]
    numbers = list(dict.fromkeys([*(one for one in judged if one), *numbers]))[:_TOLD]
    seen = [_measured(name, finding.estimates[name]) for name in numbers]
    if finding.reason:
        seen.append(f"It was {finding.status}: {finding.reason}.")
    for ruling in rulings:
        seen += [f"Rule {ruling.id}: {one}" for one in _ruled(ruling)]
    limits = [
        (one, rule)
        for one in profiles
        for rule in one.rules
        if rule.check == finding.check and rule.protocol in (None, finding.protocol)
    ]
    asked = list(dict.fromkeys([rule.estimate for _, rule in limits if rule.estimate in numbers]))
    told = [finding.threat]
    if finding.protocol and (meant := words.protocol_meaning(finding.protocol)):
        told.append(meant)
    about = _common(finding.check, asked or numbers[:2], limits, told)
    return Explanation(finding.id, (("In this audit", tuple(seen)), *about))


def _common(
    check: str,
    numbers: Sequence[str],
    limits: Sequence[tuple[Profile, Rule]],
    more: Sequence[str] = (),
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """What is said of a check, however one came to ask."""
    about = CHECKS[check]
    means = [f"{name}: {told}" for name in numbers if (told := meaning(check, name))]
    sections = [
        ("What is asked", (about.asks, *more)),
        ("What the number means", (*means, _INTERVAL) if means else ()),
        ("Where the limit comes from", _limits(limits) if means else ()),
        ("Why a weak attack is not safety", (_CERTAIN if check in _COUNTED else _WEAK,)),
        ("What would settle it", (about.settles,)),
        ("Often asked", tuple(f"{question} {answer}" for question, answer in about.answers)),
    ]
    return tuple((heading, told) for heading, told in sections if told)


def _limits(limits: Sequence[tuple[Profile, Rule]]) -> tuple[str, ...]:
    if not limits:
        return ("No rule of these profiles limits it; a profile of your own may.",)
    told = []
    for profile, rule in limits:
        most = formatting.amount(rule.limit, labels.estimate_label(rule.estimate).unit)
        most = "nobody" if rule.limit == 0 else f"at most {most}"
        note = "" if rule.required else ", not required"
        told.append(f"{profile.name}, {rule.id}: {rule.estimate} {most}{note} ({rule.basis}).")
    return (*told, _BASES)


def _ruled(ruling: Ruling) -> tuple[str, ...]:
    told = [f"{ruling.outcome}: {ruling.reason}.", _OUTCOMES[ruling.outcome]]
    if ruling.known:
        told.append("The baseline failed here no better, so that it does not count.")
    told += [
        f"Waived by {one.owner} until {one.expires} ({one.finding}): {one.reason}"
        for one in ruling.waived
    ]
    return tuple(told)


def _measured(name: str, estimate: Estimate) -> str:
    label = labels.estimate_label(name)
    told = labels.sentence(label, estimate) or formatting.amount(estimate.value, label.unit)
    low, high = (formatting.amount(one, label.unit) for one in (estimate.low, estimate.high))
    luck = (
        ""
        if estimate.chance is None or math.isnan(estimate.chance)
        else (f", guessing {formatting.amount(estimate.chance, label.unit)}")
    )
    return f"{name}: {told} [{low} to {high}{luck}, {estimate.n_subjects:,} people]"

"""What is told of each check and of each attacker, read without importing the code of either.

A check is a folder of `auditor/checks/`; its `words.yaml` says what it asks, what each of its
numbers means, and what can be done. An attacker is a function of `auditor/attackers/` under the
decorator `recogniser`, whose literal arguments are its words.
"""

from __future__ import annotations

import ast
import math
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, Literal

import yaml

from auditor.core.finding import Estimate
from auditor.core.formatting import Unit, per_thousand
from auditor.resources import package

#: Sentences that many numbers are told by, as people in a thousand.
_SENTENCES = {
    "found": "Of 1,000 people, about {value} would be found (between {low} and {high}); "
    "guessing would find {chance}.",
    "members": "Of 1,000 people a model was trained on, about {value} would be named (between "
    "{low} and {high}); guessing would name {chance}.",
    "exposed": "Of 1,000 people, about {value} are exposed (between {low} and {high}).",
    "ordered": "Of 1,000 pairs of people, about {value} would be told apart rightly "
    "(between {low} and {high}); guessing gets {chance}.",
}
#: What stands in a metric's name for a number, a name, another metric.
_PLACES = {"<n>": r"\d+(?:\.\d+)?", "<name>": ".+", "<metric>": ".+"}
_PLACE = re.compile(r"(<\w+>)")

Role = Literal["attack", "control", "exposure", "unknown"]


@dataclass(frozen=True)
class Metric:
    """One number of a check.

    Attributes
    ----------
    title, meaning, short : what it is called, one sentence, and its name within others
    unit : how it is written
    role : an attack's success, a control of the attack, an exposure that needs no attack, or
        unknown, where no check of this version declares it
    worse : whether a higher or a lower number is bad news
    most : what it cannot be greater than
    sentence : the number told as people, with {value}, {low}, {high}, {chance}; or the name of one
        that many are told by; or ""
    ruling : how a rule tells it, {} being the number; "" where the number says all
    does : what an intruder does with people, {} being the number; "" where nobody does anything
    limited : whether a rule may limit it; by default where it is no control and high is worse
    proof : whether a planted twin shows that the attack finds it
    read_by : the number of the same attack by which the least of it shows; "" where it does itself
    concerned : kinds of what was not understood that could hide more of it, beside the check's
    settled_by : what would settle it where more people alone would not
    by_luck : how many people guessing finds, of however many
    least_people : without whom it is not told
    error_rate : the share of others at whose errors it is told; 0 where it is told at none
    told_by : of a check's findings those that tell it, by their protocol or by what of a model they
        look at; all by default
    counted : whether it is counted, so that no attack could have missed it
    doubts, doubts_above : what was not understood, a kind of `core.unread`, where the number is
        surely higher than that; "" where it says nothing of the kind
    shows_use : whether a model that does not score above chance here does not use its input, so
        that no rule passes by what the finding says of it
    """

    title: str
    meaning: str = ""
    short: str = ""
    unit: Unit = "percent"
    role: Role = "attack"
    worse: Literal["higher", "lower"] = "higher"
    most: float = 1.0
    sentence: str = ""
    ruling: str = ""
    does: str = ""
    limited: bool | None = None
    proof: bool = False
    read_by: str = ""
    concerned: Sequence[str] = ()
    settled_by: str = ""
    by_luck: float = 1.0
    least_people: int = 0
    error_rate: float = 0.0
    told_by: Sequence[str] = ()
    counted: bool = False
    doubts: str = ""
    doubts_above: float = 0.0
    shows_use: bool = False

    @property
    def may_be_limited(self) -> bool:
        """Whether a rule may limit it: a rule passes what is small."""
        if self.limited is not None:
            return self.limited
        return self.role != "control" and self.worse == "higher"

    def told(self, estimate: Estimate) -> str:
        """An estimate as people, in a sentence; "" where it has none."""
        told = _SENTENCES.get(self.sentence, self.sentence)
        if not told or not math.isfinite(estimate.value):
            return ""
        if estimate.chance is None and "{chance}" in told:
            told = told.partition(";")[0] + "."
        width = estimate.high - estimate.low
        value, low, high = (
            per_thousand(part, self.unit, width)
            for part in (estimate.value, estimate.low, estimate.high)
        )
        if low == high:  # a count of everybody has no interval to tell
            told = told.replace(" (between {low} and {high})", "")
        chance = per_thousand(estimate.chance, self.unit)
        text = told.format(value=value, low=low, high=high, chance=chance)
        return re.sub(r"\babout (?=more than|fewer than|nobody)", "", text)


@dataclass(frozen=True)
class Answer:
    """A question that people ask about a check, and its answer."""

    q: str
    a: str


@dataclass(frozen=True)
class Words:
    """All that is told of one check.

    Attributes
    ----------
    id : the check's, as findings bear it
    folder : of its code; "" where this version has none
    order : its place among the others, on the page and in tables
    subject : what it is put to: a release's recordings, a model, an attack of another check; or
        unknown, where this version has no such check
    title, question : what it is called, and asks
    threat : who does what, in one sentence; or one for each protocol or output, "else" for others
    in_presets : whether a preset chooses it
    always : whether it is asked of every release, whatever the preset
    needs_beats : whether nothing can be asked where no heartbeat was found
    counted : whether nothing is attacked, and what is there is counted
    ladder : whether attackers of several strengths ask it
    declared_population : whether it reckons with the population that a profile declares
    variants : whether it is also asked of what could be released instead of a model: its scores
        rounded, the model after less of its training
    concerned : kinds of what was not understood, of `core.unread`, that could hide an answer
    method : how it is asked
    intruder, remedy, settled_by : who does what where the answer is bad; what a steward can do;
        what would settle it where it is not
    faq : what people ask about it
    protocols : those it may be asked under
    also : a protocol → the one whose rules what was found under it answers too
    fails_only : protocols under which nothing is measured and something foretold: that may fail a
        rule, and passes none
    doses_reach : of what intruder a proof by doses speaks, where that is not everybody whom a rule
        is about
    reaches_all_by : the number that is told only by an attack of which such a proof does
    planted_in_all : whether such a proof is made with all people there are, and not with some
    joined : protocols that join two sets of recordings by the names of people: what is found under
        one passes a rule only where a check says of the same protocol whether names are right
    views : what it looks at where that is no attacker of the ladder → what it is called
    controls : part of a metric's name → what the attack is held against
    parts : part of a metric's name → what of a recording is looked at, or taken away
    metrics : name, or pattern of names (`<n>` a number, `<name>` a name, `<control>` a control,
        `<part>` a part, `<metric>` a metric of another check) → the number
    headline : the metrics it is known by, plainest first
    among : the pattern of the metric that tells the first of them among so many people as a
        profile declares; "" where none does
    picture : what is drawn of it beside its numbers; "" for nothing. A price is drawn beside the
        numbers of others: what is left of a model, and how much is lost
    """

    id: str
    folder: str
    order: int
    subject: Literal["recordings", "model", "attack", "unknown"]
    title: str
    question: str
    threat: str | Mapping[str, str]
    in_presets: bool = False
    always: bool = False
    needs_beats: bool = False
    counted: bool = False
    ladder: bool = False
    declared_population: bool = False
    variants: bool = False
    concerned: Sequence[str] = ()
    method: str = ""
    intruder: str = ""
    remedy: str = ""
    settled_by: str = ""
    faq: Sequence[Answer] = ()
    protocols: Sequence[str] = ()
    also: Mapping[str, str] = field(default_factory=dict)
    fails_only: Sequence[str] = ()
    doses_reach: str = ""
    reaches_all_by: str = ""
    planted_in_all: bool = False
    joined: Sequence[str] = ()
    views: Mapping[str, str] = field(default_factory=dict)
    controls: Mapping[str, str] = field(default_factory=dict)
    parts: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, Metric] = field(default_factory=dict)
    headline: Sequence[str] = ()
    among: str = ""
    picture: Literal["", "ladder", "heartbeat", "price"] = ""

    @classmethod
    def of(cls, folder: str, raw: Mapping[str, Any]) -> Words:
        """What a check's file says."""
        known = {"id": folder.replace("_", "-"), "folder": folder, **raw}
        known["faq"] = tuple(Answer(**one) for one in raw.get("faq", ()))
        known["metrics"] = {name: Metric(**one) for name, one in raw.get("metrics", {}).items()}
        return cls(**known)

    def metric(self, name: str) -> Metric | None:
        """A number of this check by its name in an audit; None where it declares none so called."""
        if name in self.metrics:
            return self.metrics[name]
        for pattern, metric in self.metrics.items():
            place = _pattern(pattern, tuple(self.controls), tuple(self.parts))
            if found := place.fullmatch(name):
                return self._filled(metric, found.groupdict())
        return None

    def among_of(self, name: str) -> int | None:
        """Among how many people the number so called tells who is found; None of any other."""
        place = _pattern(self.among, (), ()).fullmatch(name) if self.among else None
        return int(place["n"]) if place and place["n"].isdigit() else None

    def may_limit(self, name: str) -> bool:
        """Whether a rule may limit the number so called."""
        metric = self.metric(name)
        return metric is not None and metric.may_be_limited

    def limits(self, *, proven: bool = False) -> list[str]:
        """The names, and patterns of names, that a rule may limit.

        Parameters
        ----------
        proven : those alone of which a twin shows that the attack finds them
        """
        return [
            name
            for pattern, metric in self.metrics.items()
            if metric.may_be_limited and (metric.proof or not proven)
            for name in self._names(pattern)
        ]

    def threat_of(self, protocol: str | None, output: str = "") -> str:
        """Who does what, under a protocol or by an output of a model."""
        if isinstance(self.threat, str):
            told = self.threat
        else:
            keys = (protocol or "", output, "else")
            told = next(self.threat[key] for key in keys if key in self.threat)
        return told.replace("{output}", output)

    def _names(self, pattern: str) -> list[str]:
        """A pattern with every control, or every part, in its place."""
        known = {"<control>": self.controls, "<part>": self.parts}
        for place, names in known.items():
            if place in pattern:
                return [pattern.replace(place, name) for name in names]
        return [pattern]

    def _filled(self, metric: Metric, said: Mapping[str, str]) -> Metric:
        """A metric whose words name what stands in the places of its pattern."""
        names = ("title", "meaning", "sentence", "ruling", "does")
        texts = [getattr(metric, name) for name in names]
        unit = metric.unit
        for key, value in said.items():
            shown = value.replace("_", " ")
            if key == "n" and value.isdigit():
                shown = f"{int(value):,}"
            if key in ("control", "part"):
                shown = (self.controls if key == "control" else self.parts)[value]
            if key == "metric":
                inner = any_metric(value)
                shown, unit = inner.title[:1].lower() + inner.title[1:], inner.unit
            texts = [text.replace(f"{{{key}}}", shown) for text in texts]
        return replace(metric, **dict(zip(names, texts, strict=True)), unit=unit)


@cache
def checks() -> Mapping[str, Words]:
    """Every check there is, in order."""
    found = []
    for path in package("checks").glob("*/words.yaml"):
        # libyaml's safe loader: a command that only judges should not wait for the words.
        raw = yaml.CSafeLoader(path.read_text("utf-8")).get_single_data()
        found.append(Words.of(path.parent.name, raw))
    return {one.id: one for one in sorted(found, key=lambda one: one.order)}


def about(check: str) -> Words:
    """All that is told of a check; of one that this version does not have, its name."""
    return checks().get(check) or Words(
        id=check,
        folder="",
        order=sys.maxsize,
        subject="unknown",
        title=humanise(check),
        question="",
        threat="",
    )


def folder_of(check: str) -> str:
    """The folder of a check's code, by its id."""
    return checks()[check].folder


def metric(check: str, name: str) -> Metric:
    """A number of a check; one that no check of this version declares is of unknown role."""
    return about(check).metric(name) or _unknown(name)


def any_metric(name: str) -> Metric:
    """The first check's number that is called so."""
    for one in checks().values():
        if one.subject != "attack" and (declared := one.metric(name)):
            return declared
    return _unknown(name)


def _unknown(name: str) -> Metric:
    counted = name.startswith("n_") or name.endswith(("_s", "_ms", "_mv", "_db", "_ratio"))
    years = name.endswith("_years")
    return Metric(
        title=humanise(name.removesuffix("_years")),
        unit="years" if years else "number" if counted else "percent",
        role="unknown",
    )


def humanise(name: str) -> str:
    """A name from the code as words, with a capital."""
    words = re.sub(r"[_\-\s]+", " ", name).strip()
    return words[:1].upper() + words[1:]


@cache
def _pattern(name: str, controls: tuple[str, ...], parts: tuple[str, ...]) -> re.Pattern[str]:
    places = _PLACES | {
        place: "|".join(map(re.escape, known)) or "(?!)"
        for place, known in (("<control>", controls), ("<part>", parts))
    }
    return re.compile(
        "".join(
            f"(?P<{part[1:-1]}>{places[part]})" if part in places else re.escape(part)
            for part in _PLACE.split(name)
        )
    )


@dataclass(frozen=True)
class Attacker:
    """What is told of an attacker: its name in findings, its title, its place on the ladder."""

    name: str
    title: str
    rung: int


@cache
def attackers() -> Mapping[str, Attacker]:
    """Every attacker there is, weakest first: the adversary ladder."""
    found = []
    for path in package("attackers").glob("*.py"):
        for part in path.read_text("utf-8").split("\n@recogniser")[1:]:
            decorator, *_ = re.split(r"\n(?=@|def |class )", part)
            call = ast.parse(f"recogniser{decorator}", mode="eval").body
            assert isinstance(call, ast.Call)
            said = {one.arg: one.value for one in call.keywords}
            literals = (call.args[0], said["title"], said["rung"])
            found.append(Attacker(*map(ast.literal_eval, literals)))
    return {one.name: one for one in sorted(found, key=lambda one: one.rung)}

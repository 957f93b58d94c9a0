"""What a model gives away, drawn against what of it is given out and against its training, and what
would keep that within the limits.

What could be released instead was measured and is judged by no rule: where it stands to a limit is
said, and only a scan of it is a verdict.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pydantic import ValidationError

from auditor.core import formatting
from auditor.core.finding import Audit, Estimate, Finding
from auditor.core.target import StageUnit, kind_of
from auditor.policy import words
from auditor.policy.profile import Rule
from auditor.policy.standing import Standing, answer, inapplicable, standing
from auditor.report import terms
from auditor.report.plots import Dose
from auditor.report.summary import Ladder, Rung, model_of

#: From what gives least away to what gives most; others stand before them.
_ORDER = ("predictions", "scores", "logits", "embedding", "other", "explanation", "leaves")
_SCORES = "scores"
#: What a model may surely lose of its AUC, or of its R², at most, to be worth as much as before.
_AS_MUCH = 0.02
#: The worst first.
_STANDINGS = (Standing.BEYOND, Standing.UNMEASURED, Standing.ACROSS, Standing.WITHIN)


@dataclass(frozen=True)
class Step:
    """Something that can be released of a model.

    Attributes
    ----------
    title : what it is called
    findings : all that was found by it
    said : what `model.yaml` would say; "" of what needs no saying, or cannot be said
    """

    title: str
    findings: tuple[Finding, ...]
    said: str = ""

    def by(self, rule: Rule) -> Finding | None:
        """The finding that stands worst to a rule's limit; None where none is about it."""
        about = [one for one in self.findings if one.check == rule.check and _is_about(rule, one)]

        def badness(one: Finding) -> tuple[int, float]:
            seen = answer(rule, one)
            return -_STANDINGS.index(standing(rule, one)), seen.value if seen else -1.0

        return max(about, key=badness, default=None)

    def standing(self, rule: Rule) -> Standing:
        """Where it stands to a rule's limit."""
        finding = self.by(rule)
        return standing(rule, finding) if finding else Standing.UNMEASURED

    def estimate(self, rule: Rule) -> Estimate | None:
        """What a rule limits, of the same finding."""
        finding = self.by(rule)
        return answer(rule, finding) if finding else None

    def worst(self, rules: Sequence[Rule]) -> Standing:
        """Where it stands to the limit that it keeps least."""
        return min(map(self.standing, rules), key=_STANDINGS.index, default=Standing.UNMEASURED)

    def ids(self, rules: Sequence[Rule]) -> str:
        """The rules whose limits it keeps least."""
        worst = self.worst(rules)
        return ", ".join(one.id for one in rules if self.standing(one) is worst)

    @property
    def worth(self) -> Estimate | None:
        """How well the model tells what is true, by what is released."""
        return self._price[1]

    @property
    def lost(self) -> Estimate | None:
        """How much worse than what is released."""
        return self._price[2]

    @property
    def worth_by(self) -> words.Metric | None:
        """What that is measured by; None where it is not."""
        return self._price[0]

    @cached_property
    def _price(self) -> tuple[words.Metric | None, Estimate | None, Estimate | None]:
        """By what it is measured, how well, and how much worse than what is released."""
        for one in self.findings:
            about = words.about(one.check)
            if about.picture == "price":
                for worth, lost in zip(about.headline[::2], about.headline[1::2], strict=True):
                    if worth in one.estimates:
                        by = words.metric(one.check, worth)
                        return by, one.estimates[worth], one.estimates.get(lost)
        return None, None, None


@dataclass(frozen=True)
class Scale:
    """What a model gives away, by what is released of it and by how long it was trained.

    Attributes
    ----------
    model, title : its name, and what it does
    rules : those about it that are asked of both, the required ones first
    steps : what can be released, what gives least away first; the last is what is released
    stages : by rounds or steps of training, what would be released; the last is what is
    stage_unit : what of the training those are
    """

    model: str
    title: str
    rules: tuple[Rule, ...]
    steps: tuple[Step, ...]
    stages: Mapping[int, Step]
    stage_unit: StageUnit = "rounds"

    @cached_property
    def ladders(self) -> list[tuple[str, Ladder]]:
        """What rules limit, by what is released; those whose limits all of it keeps are not drawn,
        unless there are no others.
        """
        return [(rule.metric.title, self._ladder(rule)) for rule in self._drawn(self.steps)]

    def _ladder(self, rule: Rule) -> Ladder:
        return Ladder(
            protocol="",
            title="",
            upper_bound=self._bound(rule),
            limit=rule.limit,
            rungs=tuple(
                Rung("", one.title, one.estimate(rule), "not measured", one.standing(rule))
                for one in self.steps
                if one.by(rule)
            ),
            unit=rule.metric.unit,
        )

    @property
    def columns(self) -> list[str]:
        """What stands beside each step."""
        told = [rule.metric.title for rule in self._told(self.steps)]
        return [*told, *([self.worth_by.title] if self.worth_by else [])]

    @property
    def worth_by(self) -> words.Metric | None:
        """What the worth of the model is measured by; None where it is not."""
        every = (*self.steps, *self.stages.values())
        return next((one.worth_by for one in every if one.worth_by), None)

    @property
    def rows(self) -> list[tuple[str, list[tuple[str, ...]]]]:
        """What can be released, with each number, its interval and where it stands to its limit."""
        return [
            (
                one.title,
                [
                    *(_cell(one, rule) for rule in self._told(self.steps)),
                    _told(one.worth, "number"),
                ][: len(self.columns)],
            )
            for one in self.steps
        ]

    def remedy(self, rule: str | None = None) -> str:
        """What of a model could be released to meet the required rules, or one rule, in place of
        what is.
        """
        rules = [one for one in self.rules if (one.required if rule is None else one.id == rule)]
        *others, whole = self.steps
        less = [one for one in reversed(others) if one.said]
        if not rules:
            return ""
        if whole.worst(rules) is Standing.WITHIN:
            return "What is released stays within these limits, as measured."
        if not less:
            return "Nothing less than what is released was tried: scores alone are rounded."
        for wanted in (Standing.WITHIN, Standing.ACROSS, Standing.UNMEASURED):
            for one in less:
                if one.worst(rules) is wanted:
                    return self._instead(one, rules, wanted)
        least = less[-1]
        return (
            "No outputs: or decimals: in model.yaml that were tried would meet these rules: the "
            f"least of them, {least.said}, is {terms.STANDINGS[least.worst(rules)][0]} by "
            f"{least.ids(rules)}."
        )

    def _instead(self, one: Step, rules: Sequence[Rule], how: Standing) -> str:
        if how is Standing.WITHIN:
            return (
                f"As measured, {one.said} in model.yaml stays within these limits: release that "
                "in place of what is released, and scan again, for only that scan is a verdict."
                f"{_price(one)}"
            )
        stays = (
            "stays open: more people would settle it"
            if how is Standing.ACROSS
            else "was not measured there: only a scan of it would say more"
        )
        return (
            f"Nothing that was tried is surely within these limits. With {one.said} in model.yaml "
            f"none is surely exceeded, and {one.ids(rules)} {stays}.{_price(one)}"
        )

    @cached_property
    def doses(self) -> list[tuple[str, Dose]]:
        """The same as training goes on, beside what the model is worth."""
        made = []
        for rule in self._drawn(tuple(self.stages.values())):
            known = [
                (n, leak, worth)
                for n, one in self.stages.items()
                if (leak := one.estimate(rule)) and (worth := one.worth)
            ]
            if len(known) > 1:
                stages, leaks, worths = zip(*known, strict=True)
                by = self.worth_by.short if self.worth_by else ""
                dose = Dose(
                    stages, leaks, worths, rule.limit, self.stop, rule.metric.unit,
                    self.stage_unit, by,
                )  # fmt: skip
                made.append((rule.metric.title, dose))
        return made

    @cached_property
    def stop(self) -> int | None:
        """After how much of it training could have stopped: the most that keep within every
        limit; or else the least after which it was surely worth as much as it is. None where
        neither is so.
        """
        rules = self._of_stages
        kept = [n for n, one in self.stages.items() if one.worst(rules) is Standing.WITHIN]
        alike = [n for n, one in self.stages.items() if one.lost and one.lost.high <= _AS_MUCH]
        return max(kept, default=min(alike, default=None))

    @property
    def advice(self) -> str:
        """Where training could have stopped, and the price of that."""
        last, stop, unit = max(self.stages), self.stop, self.stage_unit
        if stop is None:
            return (
                "No stage of the training that was tried is surely within these limits, nor is any "
                "shown to be worth as much as what is released."
            )
        one, rules = self.stages[stop], self._of_stages
        by = self.worth_by.short if self.worth_by else ""
        if one.worst(rules) is not Standing.WITHIN:
            return (
                f"No stage that was tried is surely within these limits. Stop here: after {stop:,} "
                f"of {last:,} {unit} the model was worth as much (its {by} surely lower by less "
                f"than {_AS_MUCH:g}); what came later bought nothing that shows.{_price(one)}"
            )
        if stop == last:
            return "As it is released, it stays within these limits, as measured."
        return (
            f"Stop here: after {stop:,} of {last:,} {unit} it stays within these limits, as "
            f"measured; only a scan of it is a verdict.{_price(one)}"
        )

    def _told(self, steps: Sequence[Step]) -> list[Rule]:
        """The rules that something was measured for."""
        return [rule for rule in self.rules if any(one.estimate(rule) for one in steps)]

    def _drawn(self, steps: Sequence[Step]) -> list[Rule]:
        told = self._told(steps)
        exceeded = [
            rule
            for rule in told
            if any(one.by(rule) and one.standing(rule) is not Standing.WITHIN for one in steps)
        ]
        return exceeded or told[:1]

    @property
    def _of_stages(self) -> list[Rule]:
        asked = [one for one in self.rules if one.required] or list(self.rules)
        return [one for one in asked if any(step.by(one) for step in self.stages.values())]

    def _bound(self, rule: Rule) -> bool:
        seen = (one.by(rule) for one in self.steps)
        return any(one.protocol in terms.UPPER_BOUNDS for one in seen if one)


def scales(audit: Audit) -> list[Scale]:
    """Of each model that gives something out what its profile's rules ask of it, where that was
    measured of something that could be released instead.
    """
    every, made = _rules(audit), []
    for told in audit.release.get("models", ()):
        found = [
            one
            for one in audit
            if model_of(audit, one) == told["name"] and words.about(one.check).variants
        ]
        unit: StageUnit = "steps" if told.get("steps") else "rounds"
        steps, stages = tuple(_steps(told, found)), dict(_stages(told, found, unit))
        rules = [
            rule
            for rule in sorted(every, key=lambda one: (not one.required, one.limit))
            if any(one.by(rule) for one in steps)
        ]
        # Of rules that are about the same the strictest is told.
        strictest = {_about(one): one for one in reversed(rules)}
        kept = tuple(one for one in rules if strictest[_about(one)] is one)
        if any(sum(one.estimate(rule) is not None for one in steps) > 1 for rule in kept):
            made.append(Scale(str(told["name"]), str(told["title"]), kept, steps, stages, unit))
    return made


def _rules(audit: Audit) -> list[Rule]:
    """The rules of a profile that are also asked of what could be released instead; none of another
    version's that this one cannot read.
    """
    found = []
    for raw in audit.profile.get("rules", ()):
        if words.about(str(raw.get("check"))).variants:
            with suppress(ValidationError):
                found.append(Rule.model_validate(raw))
    return found


def remedies(audit: Audit, rule: str) -> tuple[str, ...]:
    """What of each model could be released to meet a rule."""
    return tuple(
        f"{one.model}: {one.remedy(rule)}"
        for one in scales(audit)
        if rule in {each.id for each in one.rules}
    )


def _steps(told: Mapping[str, Any], found: Sequence[Finding]) -> Iterator[Step]:
    """What can be released of a model, what gives least away first."""
    decimals, file = told.get("decimals"), told.get("file", True)
    now = [one for one in found if one.released and one.output in ("", *told["gives"])]
    less: dict[int, list[Finding]] = {}
    for one in found:
        if one.rounded_to is not None:
            less.setdefault(one.rounded_to, []).append(one)
    for n in sorted(less):
        said = f"outputs: [{_SCORES}] and decimals: {n}"
        yield Step(terms.output_title(_SCORES, n), tuple(less[n]), said)
    # How well a model fits is told by its scores where that could be asked of rounded ones.
    by_scores = {one.check for some in less.values() for one in some if not one.output}
    outputs = sorted(told["gives"], key=_place)
    for output in outputs if file or len(outputs) > 1 else ():
        by = [
            one
            for one in now
            if one.output == output or (output == _SCORES and one.check in by_scores)
        ]
        if by:
            said = f"outputs: [{_SCORES}]" if output == _SCORES else ""
            yield Step(terms.output_title(output, decimals), tuple(by), said)
    whole = "The file, and so all of these" if file else "All of these"
    title = whole if file or len(outputs) != 1 else terms.output_title(outputs[0], decimals)
    yield Step(title, tuple(now))


def _stages(
    told: Mapping[str, Any], found: Sequence[Finding], unit: StageUnit
) -> Iterator[tuple[int, Step]]:
    """What would be released after less of the training, and what is."""
    stops = sorted({one.stopped_at for one in found if one.stopped_at is not None})
    if not stops or not told.get(unit):
        return
    for n in stops:
        yield n, Step(f"{n:,} {unit}", tuple(one for one in found if one.stopped_at == n))
    yield int(told[unit]), Step("all", tuple(one for one in found if one.released))


def _place(output: str) -> tuple[int, str]:
    return (_ORDER.index(output) if output in _ORDER else -1, output)


def _about(rule: Rule) -> tuple[object, ...]:
    return rule.check, rule.protocol, rule.estimate, rule.outputs


def _is_about(rule: Rule, finding: Finding) -> bool:
    """Whether a rule is about what a finding looked at; of the model as a whole every one is."""
    if rule.protocol not in (None, finding.protocol) or inapplicable(rule.estimate, finding):
        return False
    names = {finding.output, kind_of(finding.output)}
    return not rule.outputs or not finding.output or not names.isdisjoint(rule.outputs)


def _price(one: Step) -> str:
    """What a step costs, in a sentence after others."""
    if one.worth is None or one.lost is None or one.worth_by is None:
        return ""
    worth, low, high = formatting.interval(one.worth, "number")
    lost, least, most = formatting.interval(one.lost, "number")
    return (
        f" The price: of people the model never saw it tells what is true with an "
        f"{one.worth_by.short} of {worth} ({low} to {high}), a loss of {lost} ({least} to {most}) "
        "against what is released."
    )


def _cell(one: Step, rule: Rule) -> tuple[str, ...]:
    estimate, (word, mark) = one.estimate(rule), terms.STANDINGS[one.standing(rule)]
    told = _told(estimate, rule.metric.unit)
    return (*told, f"{mark} {word}") if estimate else told


def _told(estimate: Estimate | None, unit: formatting.Unit) -> tuple[str, ...]:
    if estimate is None:
        return ("–",)
    value, low, high = formatting.interval(estimate, unit)
    return value, f"{low} to {high}"

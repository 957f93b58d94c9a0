"""What a profile asks: rules, each a limit on one number, and what each limit rests on."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from auditor.core.errors import ConfigError
from auditor.core.formatting import amount
from auditor.policy import words
from auditor.policy.population import read_population
from auditor.resources import (
    names,
    nearest,
    read_bytes,
    read_settings,
    resource,
    settings_file,
    shown,
    validated,
)
from auditor.stats.age_pyramid import PopulationTable

#: What a limit may rest on, as a basis begins.
BASES = ("law:", "precedent:", "our default")
#: The least that a cell may count: what leaves controlled environments counts ten people.
SMALLEST_CELL = 10
_LONGEST = 80


def _seen(name: str) -> str:
    """A name that hides nothing: it stands beside a verdict, on a terminal too."""
    if not name.isprintable():
        raise ValueError("holds marks that cannot be seen; write it anew")
    return name


_Name = Annotated[str, Field(min_length=1, max_length=_LONGEST), AfterValidator(_seen)]
_Words = Annotated[str, Field(min_length=1, max_length=2_000)]


class Rule(BaseModel):
    """One limit on one number."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: _Name
    check: str
    protocol: str | None = None
    estimate: _Name
    limit: float = Field(ge=0, strict=True, allow_inf_nan=False)
    #: Where the limit comes from; begins with one of `BASES`.
    basis: _Words
    #: A rule that is not required is shown, and changes no verdict.
    required: bool = Field(default=True, strict=True)
    #: A rule that only its failure counts of: it passes nothing, and keeps nothing from passing.
    fails_only: bool = Field(default=False, strict=True)
    #: The views that must all have been measured, and shown able, before the rule may pass; but for
    #: those that the data do not allow.
    rungs: tuple[str, ...] = ()
    #: Those of them whose silence is a pass, and that must be shown able; all if none is named.
    proven: tuple[str, ...] = ()
    #: Of models, what they give out that the rule is about, such as their scores; all that is
    #: released where nothing is named.
    outputs: tuple[str, ...] = ()
    #: The rule is about models: it is left out where none is released, and each is judged.
    models: bool = Field(default=False, strict=True)

    @property
    def may_pass(self) -> bool:
        """Whether a verdict waits for it to pass."""
        return self.required and not self.fails_only

    @property
    def needs_proof(self) -> bool:
        """Whether it passes only where the attack was shown able to find what it asks for."""
        return (self.models or bool(self.rungs)) and not self.metric.counted

    @property
    def is_proven(self) -> bool:
        """Whether the attack is put to the proof for it: where a verdict waits for it; and of a
        model, whose outputs are soon dealt out anew, where it is only shown.
        """
        shown = self.models and not self.required and self.metric.proof
        return self.needs_proof and (self.may_pass or shown)

    @property
    def metric(self) -> words.Metric:
        """What its check tells about the number that it limits."""
        return words.metric(self.check, self.estimate)

    def shown(self, value: float) -> str:
        """A value of that number, in its unit."""
        return amount(value, self.metric.unit)

    @model_validator(mode="before")
    @classmethod
    def _all_are_proven(cls, raw: Any) -> Any:
        if isinstance(raw, dict) and not raw.get("proven"):
            return raw | {"proven": raw.get("rungs", ())}
        return raw

    @model_validator(mode="after")
    def _can_be_answered(self) -> Rule:
        every = words.checks()
        if self.check not in every:
            raise ValueError(f"no check is named {shown(self.check)}; {nearest(self.check, every)}")
        about = every[self.check]
        metric = _limited(about, self.estimate)
        if self.protocol is not None and self.protocol not in about.protocols:
            known = nearest(self.protocol, about.protocols)
            raise ValueError(f"{self.check!r} has no protocol {shown(self.protocol)}; {known}")
        if self.fails_only and not self.required:
            raise ValueError("what is not required fails nothing; leave out required or fails_only")
        if self.may_pass and self.protocol in about.fails_only:
            raise ValueError(f"what is {self.protocol} passes no rule; say required: false")
        if self.limit >= metric.most:
            raise ValueError(f"no {self.estimate!r} is beyond {self.limit:g}; wanted less than 1")
        if (among := about.among_of(self.estimate)) is not None and among < 2:
            raise ValueError(f"{self.estimate!r}: nobody is searched for; wanted 2 people or more")
        if not self.basis.startswith(BASES):
            raise ValueError(f"basis {self.basis!r:.60} must begin with one of {', '.join(BASES)}")
        of_models = about.subject == "model"
        if self.models != of_models:
            whom = "each model" if of_models else "the recordings"
            wanted = str(of_models).lower()
            raise ValueError(f"{self.check!r} is asked of {whom}; wanted models: {wanted}")
        if about.ladder and not self.rungs:
            raise ValueError("a cheap attack must not pass a release; name the attackers that "
                             "must all have been tried as rungs: [...]")  # fmt: skip
        if self.outputs and not of_models:
            raise ValueError("recordings give nothing out; name outputs: in a rule about models")
        attackers = words.attackers()
        for view in self.rungs:
            if view not in attackers:
                raise ValueError(
                    f"rungs: no attacker is named {shown(view)}; {nearest(view, attackers)}"
                )
        if others := [one for one in self.proven if one not in self.rungs]:
            raise ValueError(f"proven: {shown(others[0])} is not among its rungs; add it there")
        if self.may_pass and self.needs_proof and not metric.proof:
            others = about.limits(proven=True)
            cure = "say fails_only: true, or required: false"
            cure = f"name one of {', '.join(others)}, or {cure}" if others else cure
            raise ValueError(
                f"nothing can show that an attack finds {self.estimate!r}, so that the rule could "
                f"never pass; {cure}"
            )
        return self


class Counted(BaseModel):
    """A table of a population, as an audit names it; its counts are read with the profile."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    file: _Words
    people: int = Field(gt=0, strict=True)
    digest: str = Field(pattern=r"sha256:[0-9a-f]{64}")
    table: PopulationTable | None = Field(default=None, exclude=True, repr=False)


class Profile(BaseModel):
    """Who receives a release, and what it is held to."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: _Name
    title: _Words
    context: _Words
    #: People among whom an intruder would have to look.
    population: int = Field(gt=0, le=10**12, strict=True)
    #: How many of them there are of each sex and age, as somebody counted; None where nobody says.
    population_table: Counted | None = None
    #: Coverage of all intervals: a rule errs on either side in at most half of the rest.
    level: float = Field(default=0.9, ge=0.9, lt=1, strict=True)
    #: A rule that asks several attackers is not passed by numbers of fewer people.
    least_people: int = Field(default=SMALLEST_CELL, ge=SMALLEST_CELL, le=10**6, strict=True)
    #: No count of fewer people is told.
    minimum_cell: int = Field(default=SMALLEST_CELL, ge=SMALLEST_CELL, le=10**6, strict=True)
    rules: tuple[Rule, ...] = Field(min_length=1)

    @property
    def galleries(self) -> tuple[int, ...]:
        """Among how many people rules judge who is found."""
        sizes = (words.about(rule.check).among_of(rule.estimate) for rule in self.rules)
        return tuple(sorted({size for size in sizes if size is not None}))

    @model_validator(mode="after")
    def _asks_something(self) -> Profile:
        ids = [rule.id for rule in self.rules]
        if twice := [one for one in ids if ids.count(one) > 1]:
            raise ValueError(f"two rules have the same id, {twice[0]!r}")
        if not any(rule.may_pass for rule in self.rules):
            raise ValueError("no rule is required: every release would pass")
        return self

    def recorded(self) -> dict[str, Any]:
        """The profile as an audit keeps it: all that is needed to judge by it again."""
        block = self.model_dump(mode="json")
        return {"description" if key == "context" else key: one for key, one in block.items()}


def parse_profile(raw: Mapping[str, Any]) -> Profile:
    """A profile as read from YAML.

    Raises
    ------
    ConfigError
        A key is unknown or a value is wrong.
    """
    return validated(Profile, raw)


def load_profile(name: str) -> Profile:
    """A shipped profile, or one of the user's own at a path."""
    path = settings_file("profile", name)
    raw = read_settings(path)
    if (table := raw.get("population_table")) is not None:
        raw = raw | {"population_table": _counted(path, table)}
    try:
        profile = parse_profile({"name": path.stem, **raw})
    except ConfigError as error:
        raise ConfigError(f"profile {path}: {error}") from None
    if path.parent != resource("configs/profiles") and profile.name.strip() in names("profile"):
        raise ConfigError(
            f"profile {path}: {profile.name} is one that ships with auditor, and a verdict would "
            "be taken for its; give yours a name: of its own"
        )
    return profile


def _counted(path: Path, name: Any) -> Counted:
    """The table that a profile names, by a path from where the profile is."""
    if not isinstance(name, str):
        raise ConfigError(f"profile {path}: population_table: seen {shown(name)}, wanted a file")
    content = read_bytes(path.parent / name)
    table = read_population(path.parent / name, content)
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    return Counted(file=Path(name).name, people=table.people, digest=digest, table=table)


def recorded_profile(block: Mapping[str, Any]) -> Profile:
    """The profile that an audit says it was judged by.

    Raises
    ------
    ConfigError
        It does not say so in full.
    """
    if "rules" not in block:
        raise ConfigError("does not say by which rules it was judged; scan again")
    keys = {"description": "context"}
    return parse_profile({keys.get(key, key): one for key, one in block.items()})


def _limited(about: words.Words, estimate: str) -> words.Metric:
    """The number of a check that a rule limits."""
    may = about.limits()
    if not may:
        raise ValueError(
            f"no rule can be about {about.id!r}: it explains, and measures nothing to be limited"
        )
    metric = about.metric(estimate)
    if metric is None:
        raise ValueError(f"{about.id!r} measures no {estimate!r}; {nearest(estimate, may)}")
    if not metric.may_be_limited:
        why = (
            f"a small {estimate!r} is bad news, and a rule passes what is small"
            if metric.worse == "lower"
            else f"{estimate!r} tells of the attack, and not of what a release gives away"
        )
        raise ValueError(f"{why}; name one of {', '.join(may)}")
    return metric

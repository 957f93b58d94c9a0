"""What the words of an audit that belong to no check mean to somebody who is no statistician."""

from __future__ import annotations

from collections.abc import Mapping

from auditor.core.finding import Finding, Outcome
from auditor.policy import words
from auditor.policy.standing import Standing

#: Protocols that flatter the attacker: what they give is an upper bound.
UPPER_BOUNDS = frozenset({"random-segment", "same-session"})

#: The honest ones first.
_PROTOCOLS = {
    "cross-release": (
        "Across two releases",
        "The attacker's recording comes from another release.",
    ),
    "cross-session": (
        "On another occasion",
        "The attacker's recording was made on another day than the released one. This is the "
        "honest test.",
    ),
    "foretold": (
        "Foretold for another occasion",
        "The release holds one recording of each person, so nothing was measured: what half of a "
        "recording finds of the other half, less what another day was seen to cost in reference "
        "sets. It may fail a release, and passes none.",
    ),
    "subject-disjoint": (
        "On people not trained on",
        "The attacker learned from some people and is tested on others.",
    ),
    "same-session": (
        "Within one session",
        "Both recordings were made on one occasion, so electrodes and noise are alike. An upper "
        "bound on the risk.",
    ),
    "random-segment": (
        "On random pieces",
        "Both are pieces of the same recordings, cut at random. Papers often report this; an "
        "upper bound on the risk.",
    ),
}

#: What of a model an attack looks at.
_OUTPUTS = {
    "embedding": "its representations",
    "explanation": "its explanations",
    "leaves": "its decision paths",
    "values": "values in its file",
    "existence": "that it exists",
    "differences": "what it and another differ in",
}

_PROFILES = {
    "public": "Anyone may download the release, and nothing binds them.",
    "registered": "Recipients are known by name and have signed terms of use.",
    "enclave": "The release stays in a guarded place; only results leave it.",
}

#: An outcome: the word, a mark that needs no colour, a class for the style.
OUTCOMES: Mapping[Outcome, tuple[str, str, str]] = {
    "pass": ("Pass", "✓", "pass"),
    "fail": ("Fail", "✕", "fail"),
    "inconclusive": ("Inconclusive", "?", "open"),
    "not assessed": ("Not assessed", "–", "open"),
}

#: Where a number stands to a limit: in words, and a mark that needs no colour.
STANDINGS: Mapping[Standing, tuple[str, str]] = {
    Standing.WITHIN: ("within the limit", "✓"),
    Standing.ACROSS: ("not settled", "?"),
    Standing.BEYOND: ("beyond the limit", "✕"),
    Standing.UNMEASURED: ("not measured", "–"),
}

OUTCOMES_MEAN: Mapping[str, str] = {
    "pass": "The whole interval is at or below the limit, by every attack that the recordings "
    "allow, and the stronger ones were shown able to find as much.",
    "fail": "The whole interval is beyond the limit, and beyond what guessing would score. A cheap "
    "attack is enough to fail a release.",
    "inconclusive": "The limit lies inside the interval, or nothing shows that the attack could "
    "have found anybody. A required rule that is inconclusive keeps the gate shut (exit status 3); "
    "the rule's reason says how many more people would settle it.",
    "not assessed": "Nothing measured it, or only attacks too weak to pass anything. A required "
    "rule that was not assessed keeps the gate shut (exit status 3); no waiver opens it.",
}

BASES_MEAN = (
    "A basis that begins with law: cites what a law asks, though no law names a number for the "
    "risk of being found. precedent: is a number that a regulator or a data custodian has used, "
    "for tables: 0.09, where anybody may download, for whoever is most exposed; no regulator has "
    "applied it to waveforms. "
    "our default is this program's own choice, with its reason. A profile of your own may set "
    "another limit, and must say what it rests on."
)
INTERVAL = (
    "Rates count people, not recordings. A number stands with an interval, which holds the truth "
    "in 9 of 10 such audits where its level is 90%, with the people behind it, and with what "
    "guessing would score. A rule looks at the interval's end and never at the number alone. Two "
    "errors are possible: of releases whose risk is the limit itself about 1 in 20 passes a rule; "
    "and of simulated releases of 100 people whose hearts tell nothing, fewer than 1 in 10 did not "
    "pass the rules for everybody. With fewer people more of those stay open."
)
WEAK = (
    "What an attack does not find may be found by a better one. So a cheap attack may fail a "
    "release and never pass it: before a rule passes, the strongest attack must have been carried "
    "out, and have been shown to find a leak as small as the limit where one was planted. That "
    "attack and guessing both score little is no sign of safety."
)
CERTAIN = (
    "Here nothing is attacked: what stands in the files is counted. What was not understood as an "
    "identifier is not counted, so a clean result is of the classes that are looked for."
)


def protocol_title(protocol: str | None) -> str:
    """What a protocol is called on the page."""
    if not protocol:
        return ""
    return _PROTOCOLS.get(protocol, (words.humanise(protocol), ""))[0]


def protocol_meaning(protocol: str) -> str:
    """What a protocol asks of the attacker, in a sentence; "" where unknown."""
    return _PROTOCOLS.get(protocol, ("", ""))[1]


def protocol_order(protocol: str | None) -> tuple[int, str]:
    """Where a protocol stands: the honest ones first."""
    known = list(_PROTOCOLS)
    return (known.index(protocol) if protocol in known else len(known), protocol or "")


def view_title(finding: Finding) -> str:
    """What a finding looked at, as the page calls it: an attacker's sight, or what a model gives
    out.
    """
    view = finding.view or ""
    if "." in view:
        model, output = view.split(".", 1)
        return f"{model}: {_OUTPUTS.get(output) or f'its {words.humanise(output).lower()}'}"
    if attacker := words.attackers().get(view):
        return attacker.title
    return words.about(finding.check).views.get(view, view)


def output_title(output: str, decimals: int | None = None) -> str:
    """What a model gives out, as it is called where nothing else is said of the model."""
    name = (_OUTPUTS.get(output) or words.humanise(output)).removeprefix("its ")
    name = name[:1].upper() + name[1:]
    if decimals is None:
        return name
    return f"{name} to {decimals} decimal{'' if decimals == 1 else 's'}"


def setting(finding: Finding) -> str:
    """Who is enrolled and who is to be named, and by which leads, within a sentence; "" where that
    needs no words.
    """
    leads = finding.leads and f"leads {finding.leads.replace('+', ', ')}"
    return ", ".join(filter(None, (protocol_title(finding.protocol).lower(), leads)))


def rung_order(view: str | None) -> tuple[int, str]:
    """Where a view stands on the adversary ladder; one that is not on it stands above."""
    rungs = list(words.attackers())
    return (rungs.index(view) if view in rungs else len(rungs), view or "")


def basis(text: str) -> tuple[str, str]:
    """Where a limit comes from: the kind, and the rest of what is said."""
    for kind in ("law", "precedent", "our default"):
        if text.lower().startswith(kind):
            return kind, text[len(kind) :].lstrip(" :;,")
    return "the profile", text


def profile_meaning(name: str) -> str:
    """Whom a profile is for, in a sentence."""
    return _PROFILES.get(name, "A profile of your own.")


def full_stop(text: str) -> str:
    """A sentence with its capital and its full stop."""
    text = text.strip()
    return text[:1].upper() + text[1:] + ("" if not text or text[-1] in ".!?…" else ".")

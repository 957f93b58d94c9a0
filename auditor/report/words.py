"""What the names in an audit mean to somebody who is no statistician."""

from __future__ import annotations

import re

#: Protocols that flatter the attacker: what they give is an upper bound.
UPPER_BOUNDS = frozenset({"random-segment", "same-session"})


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

_VIEWS = {
    "metadata": "Header alone",
    "surroundings": "All but the heartbeat",
    "signal": "The signal itself",
    "template": "Average beat",
    "fiducials": "Table of wave timings",
    "subspace": "Beats in a learned space",
    "whitened": "Timings tuned on repeats",
    "plda": "Space tuned on others' repeats",
    "vit": "Network trained on the release",
    "embedding": "Network taught on others",
    "adapted": "Network tuned on repeats",
    "fusion": "All of these together",
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
#: The adversary ladder, weakest first.
RUNGS = (
    *("metadata", "template", "fiducials", "whitened", "subspace", "plda"),
    *("vit", "embedding", "adapted", "fusion"),
)

#: The order in which questions are told, those of the release before those of models.
CHECKS = (
    *("linkage", "identifiers", "uniqueness", "attribute", "attribution", "slices", "shortcut"),
    *("duplicates", "membership", "privacy-loss", "memorisation", "text", "output-linkage"),
    *("output-attribute", "inversion", "cross-modal", "structure", "split", "training"),
    *("competence",),
)

_CHECKS = {
    "linkage": "Finding a person",
    "attribute": "Learning what was withheld",
    "attributes": "Learning what was withheld",
    "identifiers": "Identifiers left in the files",
    "uniqueness": "Rare combinations of attributes",
    "shortcut": "Found without the heart",
    "duplicates": "Copies and wrong names",
    "attribution": "Which part of the heartbeat",
    "slices": "Who is found more easily, and with what",
    "membership": "Who was in a model's training data",
    "privacy-loss": "What a recipe gives away of one person",
    "output-linkage": "Finding a person by what a model gives out",
    "inversion": "Rebuilding a model's inputs",
    "output-attribute": "Learning what was withheld from what a model gives out",
    "cross-modal": "Linking across kinds of data",
    "text": "What a model's texts give away",
    "training": "A clinical system that anybody can train",
    "split": "People on both sides of a model's split",
    "competence": "Could the attack have found anything",
    "structure": "What a model's structure discloses",
    "memorisation": "What a model has memorised",
}

#: How each question is put, in a sentence.
_METHODS = {
    "identifiers": "Headers, tables and comments were read for the kinds of identifier that a rule "
    "knows; a kind without a rule was not looked for.",
    "uniqueness": "People who share all that the release tells about them were counted, and the "
    "number was carried over to the declared population.",
    "duplicates": "Recordings were compared piece by piece, within a person and across people.",
    "linkage": "Some recordings of each person were held back as the attacker's, and searched for "
    "among the others; a rate is averaged within each person, then over people.",
    "slices": "The same search, told apart by what the person has and by what the attacker holds.",
    "shortcut": "The same search by everything but the heartbeat: noise, hum, format and order.",
    "attribute": "Guesses were learnt on some people and made about others, never about the same.",
    "attribution": "Parts of the heartbeat were put away, and what the attack lost was counted.",
    "membership": "People the model was trained on were told from people it never saw, by how well "
    "the model fits them beside reference models.",
    "privacy-loss": "Canaries were put into the training by lot, and guessed back.",
    "split": "The people and recordings of training and test were compared.",
    "structure": "The file was read as anybody can who has it, and what it tells of members was "
    "held against what it tells of others.",
    "output-linkage": "What the model gives out about a recording was used to find the person.",
    "inversion": "The model's inputs were rebuilt from its outputs, on people not learnt from.",
    "output-attribute": "Sex, age and diagnoses were guessed from the outputs, and held against "
    "what sex, age, inputs or an untrained model tell.",
    "cross-modal": "What is told in one kind of data was searched for in the other.",
    "memorisation": "The generator was asked again and again, and its answers held against the "
    "data it learnt from.",
    "text": "What the model writes was searched for numbers, names and sentences of people.",
    "competence": "The attack was tried on simulated people in the numbers of this release, where "
    "the truth is known.",
}

#: Who does what, where a question has a bad answer.
_INTRUDERS = {
    "linkage": "Somebody who holds one ECG of a person looks for that person in the release.",
    "identifiers": "Somebody who opens the files reads a name, a date or a number.",
    "uniqueness": "Somebody who knows what the release tells about a person picks who fits.",
    "attribute": "Somebody who sees the recording alone guesses who is a woman and who a man.",
    "shortcut": "Somebody who never looks at the heart goes by noise, hum and format.",
    "duplicates": "Somebody who holds one recording looks for its copies.",
    "membership": "Somebody who may ask a model guesses whom it was trained on.",
    "memorisation": "Somebody asks a generator for pictures, and looks for people in them.",
    "text": "Somebody reads what a model writes, and looks for people in it.",
    "output-linkage": "Somebody who holds what a model said about a person looks for that person.",
    "output-attribute": "Somebody who sees a model's answer alone guesses who is a woman.",
    "cross-modal": "Somebody who holds one kind of data about a person looks in the other kind.",
    "structure": "Somebody who has a model's file reads in it who was trained on.",
}

#: What a steward can do where a question has a bad answer. By rule: nothing was tried.
_REMEDIES = {
    "linkage": "Give less of each heart (one recording a person, fewer leads, a table instead of "
    "the signal), or give it to fewer hands: judge again with `auditor gate --profile registered` "
    "or `enclave`. Renaming records does not help: the heart is the name.",
    "identifiers": "Take out what was found, which the finding lists by kind and place: empty the "
    "comments, keep the year of a date alone, put ages over 89 into one group; then scan again.",
    "uniqueness": "Tell less about each person: ages in bands, no dates, no place; merge or leave "
    "out rare groups until every group holds enough people.",
    "duplicates": "Find the copies with `auditor inspect`, keep one of each, mend wrong names.",
    "attribute": "What the heart tells of sex and age cannot be blanked out without harm to its "
    "use. Say so to those recorded, and bind recipients by an agreement not to infer it.",
    "membership": "Do not give the model out as it is: train it again with fewer rounds, stronger "
    "regularisation or differential privacy, or answer questions behind a service that rounds.",
    "privacy-loss": "Train with differential privacy, and keep the ε that was promised.",
    "split": "Split by person before training, then train and judge the model again.",
    "structure": "Grow larger leaves, prune, or give out answers alone instead of the file.",
    "output-linkage": "Give out decisions instead of scores, embeddings or explanations.",
    "inversion": "Give out decisions instead of scores, embeddings or explanations.",
    "output-attribute": "Give out decisions instead of scores, embeddings or explanations.",
    "memorisation": "Keep the generator back, take copies out of its training data, train it for "
    "fewer rounds, and audit it again.",
    "text": "Keep the model back or filter what it writes; take numbers and names out of the texts "
    "it is taught with.",
    "cross-modal": "Do not release both kinds of data about the same people to the same hands.",
}

#: The beginnings of a limit's basis, and what they mean.
BASES = {
    "law": "a rule of law",
    "precedent": "what others have accepted before; no law names a number",
    "our default": "a default of this tool, which the profile can change",
}

_PROFILES = {
    "public": "Anyone may download the release, and nothing binds them.",
    "registered": "Recipients are known by name and have signed terms of use.",
    "enclave": "The release stays in a guarded place; only results leave it.",
}

#: An outcome: the word, a mark that needs no colour, a class for the style.
OUTCOMES = {
    "pass": ("Pass", "✓", "pass"),
    "fail": ("Fail", "✕", "fail"),
    "inconclusive": ("Inconclusive", "?", "open"),
    "not assessed": ("Not assessed", "–", "open"),
}


def protocol_title(protocol: str | None) -> str:
    """What a protocol is called on the page."""
    if not protocol:
        return ""
    return _PROTOCOLS.get(protocol, (humanise(protocol), ""))[0]


def protocol_meaning(protocol: str) -> str:
    """What a protocol asks of the attacker, in a sentence; "" where unknown."""
    return _PROTOCOLS.get(protocol, ("", ""))[1]


def protocol_order(protocol: str | None) -> tuple[int, str]:
    """Where a protocol stands: the honest ones first."""
    known = list(_PROTOCOLS)
    return (known.index(protocol) if protocol in known else len(known), protocol or "")


def view_title(view: str | None) -> str:
    """What a view is called on the page."""
    if view and "." in view:  # a model, and what it gives out
        model, output = view.split(".", 1)
        return f"{model}: {_OUTPUTS.get(output) or f'its {humanise(output).lower()}'}"
    return _VIEWS.get(view, view) if view else ""


def rung_order(view: str | None) -> tuple[int, str]:
    """Where a view stands on the adversary ladder; one that is not on it stands above."""
    return (RUNGS.index(view) if view in RUNGS else len(RUNGS), view or "")


def check_title(check: str) -> str:
    """What an attack's question is called on the page."""
    return _CHECKS.get(check, humanise(check))


def check_method(check: str) -> str:
    """How an attack's question is put, in a sentence; "" where unknown."""
    return _METHODS.get(check, "")


def intruder(check: str) -> str:
    """Who does what, where a question has a bad answer; "" where unknown."""
    return _INTRUDERS.get(check, "")


def remedy(check: str) -> str:
    """What a steward can do where a question has a bad answer; "" where unknown."""
    return _REMEDIES.get(check, "")


def basis(text: str) -> tuple[str, str]:
    """Where a limit comes from: the kind, and the rest of what is said."""
    for kind in BASES:
        if text.lower().startswith(kind):
            return kind, text[len(kind) :].lstrip(" :;,")
    return "the profile", text


def profile_meaning(name: str) -> str:
    """Whom a profile is for, in a sentence."""
    return _PROFILES.get(name, "A profile of your own.")


def humanise(name: str) -> str:
    """A name from the code as words, with a capital."""
    words = re.sub(r"[_\-\s]+", " ", name).strip()
    return words[:1].upper() + words[1:]


def full_stop(text: str) -> str:
    """A sentence with its capital and its full stop."""
    text = text.strip()
    return text[:1].upper() + text[1:] + ("" if not text or text[-1] in ".!?…" else ".")

"""What each check can answer: the numbers, and the protocols, that a rule may name.

In a number's name `<n>` stands for a number and `<name>` for a name. Controls are left out, for
they show what an attack can do and not what a release gives away; so are numbers of which a small
one is bad news (`eer`), for a rule passes what is small.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

_SEARCH = ("rank<n>", "rank1_stranger", "rank1_known", "tpir_at_fpir_<n>pct")
_MEMBERS = ("members_rank<n>", "nonmembers_rank<n>", "member_gap")
_HONEST = ("same-session", "cross-session")
#: The rungs of the ladder, named here so that a profile is read at once.
RUNGS = (
    *("template", "fiducials", "whitened", "subspace", "plda"),
    *("embedding", "adapted", "vit", "fusion"),
)


@dataclass(frozen=True)
class Question:
    """What one check can answer.

    Attributes
    ----------
    of_models : whether it is put to each model, and not to the recordings
    ladder : whether attackers of several strengths ask it
    """

    estimates: tuple[str, ...]
    protocols: tuple[str, ...] = ()
    of_models: bool = False
    ladder: bool = False

    def answers(self, estimate: str) -> bool:
        """Whether this is one of its numbers."""
        return any(matches(name, estimate) for name in self.estimates)


QUESTIONS: dict[str, Question] = {
    "linkage": Question((*_SEARCH, "rank1_among_<n>"), ("random-segment", *_HONEST), ladder=True),
    "slices": Question((*_SEARCH, "holding_<name>_rank1", "among_<name>_rank1"), _HONEST),
    "shortcut": Question(
        (
            *_SEARCH,
            *("tp_rank1", "noise_rank1", "mains_rank1", "quantisation_rank1"),
            *("header_rank1", "order_rank1"),
        ),
        _HONEST,
    ),
    "attribute": Question(("sex_auc", "age_gain_years"), ("subject-disjoint",), ladder=True),
    # It takes apart what the others found.
    "attribution": Question((), (*_HONEST, "subject-disjoint")),
    "identifiers": Question(("direct", "ages_over_89", "free_text")),
    "uniqueness": Question(("max_risk", "mean_risk", "below_11")),
    "duplicates": Question(("copied_within", "copied_across", "like_strangers")),
    "split": Question(
        (
            *("both_sides", "near_duplicate", "near_duplicate_excess"),
            *("copied", "copied_excess"),
        ),
        of_models=True,
    ),
    "membership": Question(
        ("auc", "loss_auc", "lira_auc", "max_auc", "tpr_at_fpr_<n>pct", "singled_out"),
        of_models=True,
    ),
    "privacy-loss": Question(("epsilon",), of_models=True),
    "structure": Question(
        (
            *("leaf_of_one", "leaf_alone", "leaf_alone_excess"),
            *("leaf_below_<n>", "leaf_below_<n>_excess", "path_alone", "path_alone_excess"),
            *("path_below_<n>", "path_below_<n>_excess", "cells_auc"),
            *("isolated", "isolated_excess", "rebuilt", "rebuilt_excess"),
            *("few_apart", "one_sex", "apart_auc", "apart_excess"),
        ),
        of_models=True,
    ),
    "output-linkage": Question(
        (
            *_SEARCH,
            *_MEMBERS,
            *("auc_known", "beyond_rank1", "beyond_auc_known"),
            *("gain_over_inputs", "gain_over_untrained"),
            *("whitened_rank1", "standardised_rank1", "cosine_rank1"),
        ),
        _HONEST,
        of_models=True,
    ),
    "inversion": Question(("r2_best", "r2_mean", "r2_<name>"), ("subject-disjoint",), True),
    "output-attribute": Question(
        (
            *("sex_auc", "sex_gain_over_<name>"),
            *("age_gain_years", "age_gain_over_<name>_years"),
            *("withheld_auc", "withheld_gain", "withheld_gain_over_<name>"),
            *("diagnosis_auc", "diagnosis_gain", "diagnosis_gain_over_<name>"),
        ),
        ("subject-disjoint",),
        of_models=True,
    ),
    "cross-modal": Question(
        (
            *_SEARCH,
            *("auc_known", "alike_auc_known", "beyond_auc_known", "gain_over_untrained"),
            *("members_rank<n>", "member_gap"),
            *("taught_rank<n>", "taught_auc_known", "taught_members_rank<n>"),
            *("taught_member_gap", "label_<name>_rank<n>", "label_<name>_auc_known"),
            *("person_rank<n>", "person_auc_known", "encounter_rank<n>", "encounter_gap"),
        ),
        ("same-session",),
        of_models=True,
    ),
    "memorisation": Question(
        (*("copied", "ratio_auc", "extracted", "unasked_auc"), *_SEARCH, "rank1_excess", *_MEMBERS),
        ("copies", "extraction", "retrieval"),
        of_models=True,
    ),
    "text": Question(
        (
            *("unique_by_one", "unique", "below_11", *_SEARCH, "rank1_excess"),
            *(f"{prompt}_auc" for prompt in ("full", "blank", "image_only", "signal_only")),
            *(f"{prompt}_recited" for prompt in ("full", "blank", "image_only", "signal_only")),
            *("tokens_auc", "exposure_bits"),
            *("told_direct", "told_indirect", "written_direct", "written_indirect"),
        ),
        ("quoted", "re-linking", "verbatim", "canaries", "identifiers"),
        of_models=True,
    ),
}


def greatest(estimate: str) -> float:
    """What a number cannot be greater than; none is less than 0 by a limit's measure."""
    unbounded = estimate.endswith(("_years", "_bits")) or estimate == "epsilon"
    return float("inf") if unbounded else 1.0


def small_is_bad(estimate: str) -> bool:
    """Whether a small number is bad news, so that no upper limit guards against it."""
    return estimate.endswith(("eer", "unknown_accepted", "known_missed", "mae_years"))


def matches(name: str, estimate: str) -> bool:
    """Whether a number's name, with its places left open, is that of a number."""
    return estimate == name or _pattern(name).fullmatch(estimate) is not None


@cache
def _pattern(name: str) -> re.Pattern[str]:
    text = re.escape(name).replace("<n>", r"\d+(?:\.\d+)?").replace("<name>", ".+")
    return re.compile(text)

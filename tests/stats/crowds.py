"""People whom searches find more or less often, with what is true of them in any gallery."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.stats import norm
from scipy.stats import t as student

from auditor.core.evidence import SearchResult
from auditor.stats.forecast import nested_sizes, rank1_at
from tests.stats.evidence import search_result

#: How many people, and a generator → (n,) the share of all people who score more than each's mate.
Crowd = Callable[[int, np.random.Generator], np.ndarray]


def always_or_by_luck(share: float) -> Crowd:
    """A share is never beaten, the others stand anywhere."""
    return lambda n, rng: np.where(rng.random(n) < share, 0.0, rng.random(n))


def normal(centre: float, spread: float) -> Crowd:
    """Mates' scores are normal over people, impostors' standard normal."""
    return lambda n, rng: norm.sf(rng.normal(centre, spread, n))


def heavy(centre: float, freedom: float) -> Crowd:
    """Mates' and impostors' scores both have heavy tails."""
    return lambda n, rng: student.sf(
        centre + student.rvs(freedom, size=n, random_state=rng), freedom
    )


def two_kinds(easy: float, hard: float) -> Crowd:
    """Half of the people are beaten by a share `easy` of all, half by a share `hard`."""
    return lambda n, rng: np.where(rng.random(n) < 0.5, easy, hard)


def two_normals(n: int, rng: np.random.Generator) -> np.ndarray:
    """Half of the people have a plain mate, half hardly any."""
    return norm.sf(rng.normal(np.where(rng.random(n) < 0.5, 4.5, 1.5), 0.7))


def pitman_yor_species(discount: float, concentration: float) -> Crowd:
    """Who is of one species scores alike: how frequent each person's is, by breaking a stick."""
    place = np.arange(1, 4001)
    part = np.random.default_rng(0).beta(1 - discount, concentration + discount * place)
    share = part * np.concatenate([[1.0], np.cumprod(1 - part[:-1])])
    share /= share.sum()
    return lambda n, rng: rng.choice(share, n, p=share)


#: The curve of Macierzanka et al. 2025: of whom so many are found among 100, 1,000, 10,000 and
#: 20,000, by a share of all people who beat each that gives those rates.
PUBLISHED = {100: 0.792, 1000: 0.626, 10_000: 0.450, 20_000: 0.400}


def published() -> Crowd:
    """People who would be found as often as that curve says, at each of its sizes."""
    from scipy.optimize import nnls

    beaten = np.concatenate([[0.0], np.geomspace(1e-7, 1, 200)])
    sizes = np.array(list(PUBLISHED))
    # Scores of no people in particular: the smoothest of the many that fit, by a light penalty.
    rows = np.vstack([(1 - beaten) ** (sizes[:, None] - 1), np.ones(201), 0.003 * np.eye(201)])
    weight, _ = nnls(rows, np.concatenate([list(PUBLISHED.values()), [1.0], np.zeros(201)]))
    return lambda n, rng: rng.choice(beaten, n, p=weight / weight.sum())


CROWDS: dict[str, Crowd] = {
    "luck": always_or_by_luck(0.0),
    "everybody": lambda n, rng: np.zeros(n),
    "an eighth always": always_or_by_luck(0.12),
    "half always": always_or_by_luck(0.5),
    "normal": normal(3, 1),
    "normal, wide": normal(3, 2),
    "normal, plain": normal(5, 1),
    "normal, narrow": normal(2.5, 0.3),
    "all alike": normal(3.3, 0.001),
    "heavy tails": heavy(3, 3),
    "heavier tails": heavy(5, 2),
    "two kinds": two_kinds(1e-5, 0.05),
    "half always, half just": two_kinds(0.0, 0.003),
    "two normals": two_normals,
    "pitman-yor 0.8": pitman_yor_species(0.8, 30),
    "pitman-yor 0.5": pitman_yor_species(0.5, 100),
    "published": published(),
}
#: Crowds in which people stand alike, and so tie; in others they are beaten.
TIED = ("pitman-yor 0.8", "pitman-yor 0.5")


def truth(name: str, sizes: np.ndarray, n: int = 200_000) -> np.ndarray:
    """(n_sizes,) rank-1 in galleries of so many, over very many people."""
    share = CROWDS[name](n, np.random.default_rng(1))
    if name in TIED:  # the mean of 1 / (1 + ties), ties binomial
        return np.array([np.mean(-np.expm1(m * np.log1p(-share)) / (m * share)) for m in sizes])
    return np.array([np.mean((1 - share) ** (m - 1.0)) for m in sizes])


def searched(name: str, n_people: int, rng: np.random.Generator) -> SearchResult:
    """Everybody of a crowd searched for once, by counts alone."""
    over = rng.binomial(n_people - 1, CROWDS[name](n_people, rng))
    none = np.zeros(n_people, dtype=np.int64)
    above, tied = (none, over) if name in TIED else (over, none)
    few = search_result(np.zeros((12, 12)), np.arange(12))
    columns = {
        "subject": np.array([f"{one:06d}" for one in range(n_people)]),
        "mated_score": none.astype(float),
        "n_above": above,
        "n_tied": tied,
        "best_impostor": none.astype(float),
        "matched_impostor_above": none - 1,
        "matched_impostor_tied": none - 1,
        "demographic_above": above,
        "demographic_tied": tied,
        "demographic_size": none + n_people,
        "demographic_best": np.zeros(n_people),
        "nearest": np.zeros((n_people, 1)),
        "rival": np.full(n_people, ""),
        "demographic_rival": np.full(n_people, ""),
        "n_gallery": n_people,
    }
    return SearchResult(**{**vars(few), **columns})


def rates_in_parts(name: str, n_people: int, rng: np.random.Generator):
    """Sizes of galleries up to all people, and each person's rate among so many."""
    sizes = nested_sizes(n_people)
    return sizes.astype(float), rank1_at(searched(name, n_people, rng), sizes)

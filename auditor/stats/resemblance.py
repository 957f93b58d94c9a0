"""How much two sets have in common, by sketches that tell next to nothing of any one thing.

b-bit minwise hashing (Li and König 2010, WWW, p. 671): of each of many random orders of all things
there can be, only the last bit of a set's first thing is kept. A thing is the first of n in one
order of n, and its bit is that of any other every second time: who holds one of n recordings sees
it in `ORDERS` / n throws of a coin.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

#: Orders that a sketch is made of, a multiple of 8. More would tell a resemblance more exactly, and
#: more of each thing.
ORDERS = 64
#: Things that are put in order at once.
_BLOCK = 4096


def sketch(digests: Iterable[bytes]) -> str:
    """`ORDERS` bits in hexadecimals of the set of some things; "" of none.

    Parameters
    ----------
    digests : of each thing, of eight bytes or more, drawn as if by lot
    """
    things = np.unique([int.from_bytes(one[:8], "big") for one in digests]).astype(np.uint64)
    if not len(things):
        return ""
    first = np.full(ORDERS, np.iinfo(np.uint64).max, dtype=np.uint64)
    salts = _mixed(np.arange(1, ORDERS + 1, dtype=np.uint64))
    for start in range(0, len(things), _BLOCK):
        first = np.minimum(first, _mixed(things[start : start + _BLOCK, None] ^ salts).min(axis=0))
    return np.packbits(first & np.uint64(1) == 1).tobytes().hex()


def resemblance(one: str, other: str) -> float:
    """The share of the things of both sets together that are in each, by two sketches, to within
    0.25 in 95 of 100 cases; 0 where one is of nothing.
    """
    if not one or not other:
        return 0.0
    bits = (np.unpackbits(np.frombuffer(bytes.fromhex(told), np.uint8)) for told in (one, other))
    return max(2 * float(np.equal(*bits).mean()) - 1, 0.0)


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Each bit by all others (the steps of SplitMix64, Steele et al. 2014, OOPSLA)."""
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(values ^ (values >> np.uint64(31)))

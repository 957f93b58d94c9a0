"""Columns under names that no list knows: codes of which each person has one, and look-alikes.

Written after the rule that judges them, with other codes than those it was tried on. A first look
found 118 of 132 and called 3 of 141 look-alikes anything, those by another rule; what it missed was
then mended: numbers of a year, check digits behind a dash, quotes, syllables, a dash in front.
"""

from __future__ import annotations

import base64
import hashlib
import random
import string
import uuid
from collections.abc import Callable, Iterator

import numpy as np

from auditor.data.identifiers import Rows

UPPER, LOWER, FIGURES = string.ascii_uppercase, string.ascii_lowercase, string.digits
#: No look-alike letters, as card makers and Crockford's base 32 leave them out.
CLEAR = "ABCDEFGHJKMNPQRSTVWXYZ23456789"
SYLLABLES = [a + b for a in "bdfgklmnprstvz" for b in "aeiou"]

Make = Callable[[random.Random, int], str]


def of(letters: str, n: int) -> Make:
    return lambda rng, row: "".join(rng.choices(letters, k=n))


def mod(number: int, base: int) -> str:
    """A number with a check digit behind it."""
    return f"{number}-{number % base}"


#: Name of the column, its maker of a cell from a random stream and the row; how many people.
PLANTED: dict[str, tuple[Make, int]] = {
    "biobank": (lambda r, i: f"NL-{r.randrange(10**6):06d}-{r.choice(UPPER)}", 40),
    "lims": (lambda r, i: f"L{r.randrange(18, 24)}.{r.randrange(10**5):05d}.{r.randrange(9)}", 40),
    "gridkey": (lambda r, i: uuid.UUID(int=r.getrandbits(128)).urn, 25),
    "braces": (lambda r, i: "{" + str(uuid.UUID(int=r.getrandbits(128))).upper() + "}", 25),
    "nano": (of(string.ascii_letters + FIGURES + "_-", 21), 30),
    "short": (of(string.ascii_letters + FIGURES, 7), 200),
    "crockford": (of(CLEAR, 10), 60),
    "ulid": (lambda r, i: "01" + "".join(r.choices(CLEAR, k=24)), 60),
    "object": (lambda r, i: f"{r.getrandbits(96):024x}", 60),
    "digest": (lambda r, i: hashlib.sha1(str(r.random()).encode()).hexdigest(), 60),
    "blake": (lambda r, i: hashlib.blake2b(bytes([i % 251, r.randrange(256)]), digest_size=5)
              .hexdigest(), 60),
    "padded64": (lambda r, i: base64.b64encode(r.randbytes(10)).decode(), 60),
    "url64": (lambda r, i: base64.urlsafe_b64encode(r.randbytes(9)).decode(), 60),
    "base32": (lambda r, i: base64.b32encode(r.randbytes(5)).decode(), 60),
    "plate": (lambda r, i: f"{''.join(r.choices(UPPER, k=2))} {r.randrange(100, 999)} "
              f"{''.join(r.choices(UPPER, k=2))}", 60),
    "batch": (lambda r, i: f"B-{r.randrange(100)}/{r.randrange(1000)}", 60),
    "slash": (lambda r, i: f"20{r.randrange(12, 22)}/{r.randrange(20000)}", 60),
    "tube": (lambda r, i: f"#{r.randrange(10**4, 10**5)}{r.choice('ABCDE')}", 60),
    "dots": (lambda r, i: f"{r.randrange(10)}.{r.randrange(1000):03d}.{r.randrange(1000):03d}", 60),
    "oid": (lambda r, i: f"1.2.276.0.7230010.3.{r.randrange(10**9)}.{r.randrange(10**6)}", 60),
    "blocks": (lambda r, i: f"{r.randrange(10**4):04d}-{r.randrange(10**4):04d}-"
               f"{r.randrange(10**4):04d}", 60),
    "initialled": (lambda r, i: f"{r.choice(UPPER)}{r.choice(UPPER)}{r.randrange(30, 99)}"
                   f"{r.choice('MF')}", 90),
    "soundex": (lambda r, i: f"{r.choice(UPPER)}{r.randrange(1, 7)}{r.randrange(1, 7)}"
                f"{r.randrange(1, 7)}x{i}", 90),
    "tail": (lambda r, i: f"{r.randrange(10**4):04d}{r.choice(UPPER)}", 60),
    "kit": (lambda r, i: f"kit_{r.choice(LOWER)}{r.randrange(1000)}", 40),
    "coll.": (lambda r, i: f"COLL:{r.randrange(10**7)}", 40),
    "syllables": (lambda r, i: "".join(r.choices(SYLLABLES, k=4)), 60),
    "proquint": (lambda r, i: "-".join("".join(r.choices("bdfghjklmnprstvz", k=1))
                 + "a" + "".join(r.choices("bdfghjklmnprstvz", k=1)) + "u"
                 + "".join(r.choices("bdfghjklmnprstvz", k=1)) for _ in range(2)), 60),
    "consonants": (of("bcdfghjklmnpqrstvwxz", 12), 60),
    "fourteen": (of(UPPER, 4), 60),
    "moon": (lambda r, i: f"{r.choice(['owl', 'fox', 'elk', 'bat'])}-{r.randrange(10**4)}", 60),
    "greek": (lambda r, i: f"{r.choice('αβγδλ')}{r.randrange(10**4, 10**5)}", 60),
    "cyr": (lambda r, i: f"{''.join(r.choices('АБВГДЕЖ', k=3))}{r.randrange(1000)}", 60),
    "issued": (lambda r, i: str(48_000 + 3 * i + r.randrange(3)), 90),
    "shelf": (lambda r, i: str(i * 7 % 97 + 1), 90),
    "lot5": (lambda r, i: str(r.randrange(100_000)), 150),
    "lot4": (lambda r, i: f"{r.randrange(10**4):04d}", 30),
    "float": (lambda r, i: f"{(i * 37) % 211 + 1000}.0", 120),
    "padded3": (lambda r, i: f"{(i * 13) % 89:03d}", 60),
    "checked": (lambda r, i: mod(r.randrange(10**5, 10**6), 11), 60),
    "few": (lambda r, i: f"Z{r.randrange(10**5)}" if i % 10 == 0 else "", 120),
    "cell": (lambda r, i: f"{r.choice('ABCDEFGH')}{i % 12 + 1:02d}-{r.randrange(40, 90)}", 60),
    "machine read": (lambda r, i: f"<{r.randrange(10**7):07d}<{r.choice(UPPER)}<", 40),
    "quoted": (lambda r, i: f"'{r.choice(UPPER)}{r.randrange(10**5)}'", 40),
}  # fmt: skip

WORDS = ("normal", "dizzy", "stable", "paced", "repeat", "unclear", "fine", "noisy", "sharp")
DRUGS = ("aspirin", "bisoprolol", "ramipril", "warfarin", "digoxin", "amiodarone")


def gauss(mean: float, sd: float, form: str = "{:.0f}") -> Make:
    return lambda rng, row: form.format(rng.gauss(mean, sd))


ORDINARY: dict[str, tuple[Make, int]] = {
    "x1": (gauss(72, 13), 15),
    "x2": (gauss(72, 13), 400),
    "x3": (gauss(103_000, 16_000), 60),
    "x4": (gauss(103_000, 16_000), 900),
    "x5": (gauss(3400, 520), 40),
    "x6": (gauss(1.71, 0.1, "{:.2f}"), 60),
    "x7": (gauss(0, 1, "{:.9f}"), 60),
    "x8": (gauss(0, 1e-6, "{:.4e}"), 60),
    "x9": (lambda r, i: f"{r.gauss(81, 12):.1f}kg", 60),
    "x10": (lambda r, i: f"{r.gauss(412, 22):.0f} ms", 60),
    "x11": (lambda r, i: f"{r.gauss(62, 9):.0f}Ejz", 60),
    "x12": (lambda r, i: f"{r.randrange(105, 190)}/{r.randrange(55, 100)}", 60),
    "x13": (lambda r, i: f"{r.randrange(24):02d}:{r.randrange(60):02d}", 60),
    "x14": (lambda r, i: f"{r.randrange(3)}h{r.randrange(60):02d}m", 60),
    "x15": (lambda r, i: f"PT{r.randrange(5, 900)}S", 60),
    "x16": (lambda r, i: f"{(a := r.randrange(2000))}-{a + r.randrange(500, 3000)}", 60),
    "x17": (lambda r, i: f"[{r.random():.3f}, {r.random():.3f}]", 60),
    "x18": (lambda r, i: f"{r.random():.4f};{r.random():.4f}", 60),
    "x19": (lambda r, i: f"{r.uniform(0.01, 0.5):.3f}-{r.uniform(35, 250):.2f}", 60),
    "x20": (lambda r, i: r.choice(["I48.0", "I10", "I25.1", "I50.9", "E11.9", "J44.1"]), 60),
    "x21": (lambda r, i: r.choice(["1AVB", "NORM", "LVH", "STTC", "IRBBB", "3AVB"]), 60),
    "x22": (lambda r, i: "|".join(r.sample(["1AVB", "SR", "LVH", "NST_", "2AVB", "AF"], 3)), 90),
    "x23": (lambda r, i: ",".join(r.sample(["V1", "V2", "V3", "V4", "V5", "V6", "II"], 3)), 60),
    "x24": (lambda r, i: "+".join(r.sample(["426783006", "164889003", "39732003"], 2)), 60),
    "x25": (lambda r, i: f"MAC{r.choice([2000, 3500, 5500])}", 60),
    "x26": (lambda r, i: f"v{r.randrange(1, 4)}.{r.randrange(4)}", 60),
    "x27": (lambda r, i: " ".join(r.sample(WORDS, 3)), 60),
    "x28": (lambda r, i: r.choice(WORDS), 60),
    "x29": (lambda r, i: "/".join(r.sample(DRUGS, 2)), 60),
    "x30": (lambda r, i: f"{r.choice(DRUGS)} {r.choice([25, 50, 100])}mg", 60),
    "x31": (lambda r, i: f"class{r.randrange(1, 5)}", 60),
    "x32": (lambda r, i: str(r.randrange(10)), 60),
    "x33": (lambda r, i: str(int(r.expovariate(1 / 900))), 60),
    "x34": (lambda r, i: str(5 * round(r.gauss(900, 150) / 5)), 90),
    "x35": (lambda r, i: f"{r.randrange(20, 90)}", 14),
    "x36": (lambda r, i: str(1000 * r.randrange(10, 600)), 90),
    "x37": (lambda r, i: str(r.randrange(4000, 9000)), 90),
    "x38": (lambda r, i: f"{r.choice('MF')}{r.randrange(2, 9)}0s", 60),
    "x39": (lambda r, i: f"site{r.randrange(6)}_arm{r.choice('AB')}", 60),
    "x40": (lambda r, i: f"{r.gauss(38, 2):.0f}+{r.randrange(7)}", 60),
    "x41": (lambda r, i: f"{r.randrange(60, 99)}%", 60),
    "x42": (lambda r, i: f"-{r.randrange(1, 90)}°", 60),
    "x43": (lambda r, i: f"{{'HR': {r.randrange(50, 110)}, 'QT': {r.randrange(320, 480)}}}", 60),
    "x44": (lambda r, i: f"rec{i:05d}_filtered.dat", 60),
    "x45": (lambda r, i: f"P{i:05d}", 60),
    "x46": (lambda r, i: f"out/{i:05d}/lead2.png", 60),
    "x47": (lambda r, i: str(i), 60),
}  # fmt: skip


WHITE = ("table", "lamp", "river", "stone", "cloud", "violin", "pepper", "window", "candle")

#: Written after what the first showed was mended. A first look found 102 of 126 and called 1 of
#: 123 look-alikes anything. Mended by it: marks around codes, numbers of many figures, signs, `_`.
#: Words joined by dots are still missed. One maker gave the row's own number, which is now told to
#: say nothing new, and was given another.
PLANTED_AGAIN: dict[str, tuple[Make, int]] = {
    "chassis": (of(CLEAR, 17), 40),
    "book": (lambda r, i: f"978-{r.randrange(10)}-{r.randrange(100):02d}-{r.randrange(10**6):06d}-"
             f"{r.randrange(10)}", 40),
    "pod": (lambda r, i: f"ecg-{r.getrandbits(36):09x}-{''.join(r.choices(CLEAR.lower(), k=5))}",
            40),
    "pnr": (of(UPPER + FIGURES, 6), 80),
    "ticket": (lambda r, i: f"CARD-{r.randrange(10_000)}", 80),
    "year letter": (lambda r, i: f"201{r.randrange(10)}{r.choice('ABC')}{r.randrange(10**4):04d}",
                    80),
    "visit triple": (lambda r, i: f"S{i % 5:02d}-K{r.randrange(10**3):03d}-{r.choice('xyz')}", 80),
    "words3": (lambda r, i: ".".join(r.sample(WHITE, 3)), 60),
    "colour": (lambda r, i: f"#{r.getrandbits(24):06x}", 60),
    "mac": (lambda r, i: ":".join(f"{r.randrange(256):02x}" for _ in range(6)), 60),
    "tile": (of("0123456789bcdefghjkmnpqrstuvwxyz", 8), 60),
    "plus": (lambda r, i: "".join(r.choices("23456789CFGHJMPQRVWX", k=8)) + "+"
             + "".join(r.choices("23456789CFGHJMPQRVWX", k=2)), 60),
    "base58": (of(CLEAR + "abcdefghijkmnopqrstuvwxyz", 22), 60),
    "0x": (lambda r, i: f"0x{r.getrandbits(32):08X}", 60),
    "ean": (lambda r, i: f"400{r.randrange(10**10):010d}", 60),
    "letter slash": (lambda r, i: f"A/{r.randrange(10, 22)}/{r.randrange(10**5):05d}", 60),
    "rut": (lambda r, i: f"{r.randrange(10**6, 10**7)}-{r.choice('0123456789K')}", 60),
    "pt#": (lambda r, i: f"Pt#{r.randrange(10**4)}", 60),
    "under": (lambda r, i: f"p_{r.randrange(10**5):05d}", 60),
    "numero": (lambda r, i: f"N°{r.randrange(10**4, 10**5)}", 60),
    "russian no": (lambda r, i: f"№ {r.randrange(10**4, 10**5)}", 60),
    "arabic": (lambda r, i: "".join(r.choices("٠١٢٣٤٥٦٧٨٩", k=7)), 60),
    "spaced": (lambda r, i: f"{r.choice(UPPER)} {r.randrange(10**3):03d} {r.randrange(10**3):03d}",
               60),
    "shuffled": (lambda r, i: str(i * 101 % 331), 331),
    "dense": (lambda r, i: str(20_000 + i * 53 % 401), 200),
    "epoch": (lambda r, i: str(r.randrange(1_200_000_000, 1_700_000_000)), 60),
    "epoch ms": (lambda r, i: str(r.randrange(1_200_000_000_000, 1_700_000_000_000)), 60),
    "negative": (lambda r, i: f"-{r.randrange(10**5, 10**6)}", 60),
    "underscored": (lambda r, i: f"{r.randrange(10**3)}_{r.randrange(10**4)}", 60),
    "bracketed": (lambda r, i: f"[{r.choice(UPPER)}{r.randrange(10**5)}]", 60),
    "starred": (lambda r, i: f"*{r.choice(UPPER)}{r.randrange(10**6)}*", 60),
    "colon": (lambda r, i: f"ward3:{r.randrange(10**5)}", 60),
    "tilde": (lambda r, i: f"{r.randrange(10**4)}~{r.choice(UPPER)}{r.choice(UPPER)}", 60),
    "camel": (lambda r, i: "".join(r.sample(WHITE, 2)).title() + str(r.randrange(1000)), 60),
    "five letters": (of(LOWER, 5), 60),
    "twenty letters": (of(UPPER, 20), 60),
    "hex pairs": (lambda r, i: "-".join(f"{r.randrange(256):02X}" for _ in range(4)), 60),
    "urn": (lambda r, i: f"urn:oid:2.16.{r.randrange(10**6)}.{r.randrange(10**6)}", 60),
    "mail-like": (lambda r, i: f"{r.choice(LOWER)}{r.randrange(10**5)}@ecg", 60),
    "half filled": (lambda r, i: f"H{r.randrange(10**6)}" if i % 2 else "", 80),
    "seven people": (lambda r, i: f"Q{r.randrange(10**6)}" if i % 9 == 1 else "", 63),
    "small release": (lambda r, i: f"W{r.randrange(10**4)}k", 12),
}  # fmt: skip

ORDINARY_AGAIN: dict[str, tuple[Make, int]] = {
    "y1": (lambda r, i: f"{r.randrange(1, 9)}mg/ml", 60),
    "y2": (lambda r, i: f"1:{r.choice([100, 200, 500])}", 60),
    "y3": (lambda r, i: f"{r.randrange(4, 10)}/{r.randrange(6, 10)}/{r.randrange(8, 11)}", 60),
    "y4": (lambda r, i: f"20/{r.choice([20, 25, 30, 40])}", 60),
    "y5": (lambda r, i: r.choice(["qRs", "rSR'", "QS", "qR", "Rs"]), 60),
    "y6": (lambda r, i: r.choice(["I", "II", "III", "IV"]), 60),
    "y7": (lambda r, i: r.choice(["A+", "B-", "0+", "AB+"]), 60),
    "y8": (lambda r, i: f"T wave inv V{r.randrange(1, 4)}-V{r.randrange(4, 7)}", 60),
    "y9": (lambda r, i: f"V{r.randrange(1, 4)}-V{r.randrange(4, 7)}", 60),
    "y10": (lambda r, i: r.choice(["11524-6", "8867-4", "8625-6"]), 60),
    "y11": (lambda r, i: r.choice(["C07AB07", "B01AC06", "C09AA05", "C03CA01"]), 60),
    "y12": (lambda r, i: f"{r.randrange(2, 9) * 10}-{r.randrange(2, 9) * 10 + 9}", 60),
    "y13": (lambda r, i: f"{r.randrange(1000, 99_999):,}", 60),
    "y14": (lambda r, i: f"{r.gauss(12, 3):.1f}%", 60),
    "y15": (lambda r, i: f"00:{r.randrange(60):02d}:{r.randrange(60):02d}.{r.randrange(1000):03d}",
            60),
    "y16": (lambda r, i: f"{r.gauss(36.7, 0.5):.1f}C", 60),
    "y17": (lambda r, i: f"p<{r.random():.3f}", 60),
    "y18": (lambda r, i: f"[{r.randrange(5)},{r.randrange(5, 9)})", 60),
    "y19": (lambda r, i: f"{r.random():.3f} {r.random():.3f}", 60),
    "y20": (lambda r, i: f"stage{r.randrange(1, 4)}{r.choice('ab')}", 60),
    "y21": (lambda r, i: f"NYHA {r.choice(['I', 'II', 'III'])}", 60),
    "y22": (lambda r, i: f"sample_{r.choice([250, 500, 1000])}hz", 60),
    "y23": (lambda r, i: f"P{i:05d}_visit{r.randrange(1, 3)}", 60),
    "y24": (lambda r, i: f"rec{i:05d}", 60),
    "y25": (gauss(860, 140), 25),
    "y26": (gauss(860, 140), 600),
    "y27": (gauss(98_000, 14_000), 250),
    "y28": (lambda r, i: str(int(r.lognormvariate(9, 0.5))), 90),
    "y29": (lambda r, i: str(int(r.lognormvariate(5, 1.2))), 90),
    "y30": (lambda r, i: str(100 * round(r.gauss(70, 20))), 60),
    "y31": (gauss(38, 15, "{:.3f}"), 60),
    "y32": (lambda r, i: f"{r.gauss(0.44, 0.03):.2f} s", 60),
    "y33": (lambda r, i: f"QTc {r.gauss(430, 25):.0f}", 90),
    "y34": (lambda r, i: f"{r.gauss(1.2, 0.4):.2f}mV", 60),
    "y35": (lambda r, i: r.choice(["yes", "no", "2nd degree", "1st degree"]), 60),
    "y36": (lambda r, i: ";".join(r.sample(["I10", "I48.0", "E11.9", "N18.3", "J44"], 3)), 60),
    "y37": (lambda r, i: f"<{r.choice([5, 10, 14])}", 60),
    "y38": (lambda r, i: f"{r.randrange(150, 200)}x{r.randrange(50, 120)}", 60),
    "y39": (lambda r, i: str(r.randrange(0, 86_400)), 60),
    "y40": (lambda r, i: f"{r.randrange(1, 13)}m", 60),
    "y41": (lambda r, i: str(sum(r.choices([0, 1, 2, 50], k=30))), 60),
}  # fmt: skip


def cells(made: tuple[Make, int], seed: str) -> tuple[list[str], Rows]:
    """A column, and the rows that it stands in: two of each fifth person."""
    make, n = made
    rng = random.Random(seed)
    said, subjects, names = [], [], []
    for row in range(n):
        said.append(make(rng, row))
        subjects.append(f"P{row:05d}")
        names.append(f"data/rec{row:05d} P{row:05d} 1")
        if row % 5 == 0:
            said.append(make(rng, row))
            subjects.append(f"P{row:05d}")
            names.append(f"data/rec{row:05d}b P{row:05d} 2")
    # The column of the row's own number counts the rows.
    if seed.startswith("x47/"):
        said = [str(place) for place in range(len(said))]
    return said, Rows(subjects, names, np.full(len(said), np.nan))


def columns(kinds: dict[str, tuple[Make, int]], seed: int) -> Iterator[tuple[str, list[str], Rows]]:
    for name, made in kinds.items():
        yield name, *cells(made, f"{name}/{seed}")

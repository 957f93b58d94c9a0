"""What texts claim was measured of an ECG, as people, recorders and models write it.

The tables of `claim_words` say what quantities are called (`CALLED`), how units are written
(`UNITS`), what stands between a name and its number (`BETWEEN`; where a unit is told any word but
`STOPS`), and which words make a number another one (`OTHERS`, `FOREIGN`). A text is cut into tokens
once, and from each a bounded number of others is looked at: the time grows with the length of a
text, whatever is written in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from auditor.core.record import STANDARD_LEADS
from auditor.signal import claim_words as words


class Claim(NamedTuple):
    """A quantity that a text states: "R", "V5", 1.2, "mV". Without lead it is of the recording.

    Attributes
    ----------
    value, unit : in ms, 1/min, deg or mV, whatever the text is written in
    reach : how far to either side of the value it may be: half of a range, such as "150-170 ms"
    """

    feature: str
    lead: str | None
    value: float
    unit: str
    reach: float = 0.0

    @property
    def column(self) -> str:
        """Where a row of `signal.feature_table` holds the quantity."""
        return " ".join(filter(None, (self.feature, self.lead, self.unit)))


#: "72,160,90" are three numbers, "0,16" is one.
_TOKEN = re.compile(
    r"(?<!\d,)\d+,\d+(?!\d|,\d)|\d+(?:\.\d+)?|(?<![\w.])\.\d+|[^\W\d_]+\d*|[^\w\s]|\n"
)
#: Markup says nothing, nor do the ends of "Bazett's" and "isn't"; "<" is a bound.
_NOTHING = re.compile(r"</?[a-z][^<>]{0,80}>|(?<=\w)['’](?:s|t|re|ve|ll|d|m)\b")
#: The line under a table's head.
_RULE = re.compile(r"\n[ \t]*[|+:-][-|+: \t]{2,}(?=\n)")
#: A tag that holds a number itself.
_HOLDING = re.compile(r"<([a-z][^<>]{0,200}?\bvalue *= *[^<>]{0,200})>", re.IGNORECASE)
#: A line that goes on in the next one.
_WRAPPED = re.compile(r"(?<=[^\W_])[ \t]*\n(?=[ \t]*[^\W\d_A-Z])|(?<=[^\W\d_])[ \t]*\n(?=[ \t]*\d)")
#: Words written as one, as "heartRate", "Paxis", "RV5" and "QTc470".
_GLUED = re.compile(r"(?<=[a-z]{2})(?=[A-Z][a-z])")
_GLUED_TO_NAME = re.compile(
    r"(?i)\b(?:(hr|fc|hf|pr|pq|rr|qrs|qrsd|qt|qtc|qtcb|qtcf)(?=\d{2,4}\b)"
    r"|(p|t|r|st|pr|pq|rr|qrs|qt|qtc)(?=(?:axis|duration|dur|interval|int|wave|corrected|bazett|"
    r"fridericia)\b)|(st|[pqrst])(?=(?:v[1-6]|av[rlf])\b))"
)
#: A tag that names the number in it.
_NAMING = re.compile(
    r"<(?!(?:td|th|li|tr|br|em|div|span|strong|font|code|h\d)\b)([a-z]\w{1,40})[^<>]{0,80}>"
    r"(?=[ \t]*[-+]?\d)", re.IGNORECASE,
)  # fmt: skip
#: Inflections, each as the tables have it.
_INFLECTED = re.compile(
    r"(?P<corrected>(?:frequenz)?(?:korrig|gecorrig|corrig|correg|corret)\w*)"
    r"|(?P<wave>waves)|(?P<rate>rates)"
)
_V = {f"V{n}": n for n in range(1, 7)}
_LEADS = {lead.lower(): lead for lead in STANDARD_LEADS}

Phrase = tuple[str, ...]


def _words(text: str) -> Phrase:
    return tuple(_TOKEN.findall(text))


def _shorter(word: str) -> list[str]:
    return [word[:at] + word[at + 1 :] for at in range(len(word))]


def _by_first(phrases: Iterable[Phrase]) -> Mapping[str, Sequence[Phrase]]:
    """Phrases by their first token, the longest first."""
    found: dict[str, list[Phrase]] = {}
    for phrase in sorted(phrases, key=len, reverse=True):
        found.setdefault(phrase[0], []).append(phrase)
    return found


#: By name, unit → what is measured; by phrase of a unit, the unit.
_NAMES: dict[Phrase, dict[str, str]] = {}
for _feature, _unit, _called in words.CALLED:
    for _name in _called.split("|"):
        _NAMES.setdefault(_words(_name), {}).setdefault(_unit, _feature)
_GROUPS = {
    _words(one): columns for columns, called in words.TOGETHER.items() for one in called.split("|")
}
_UNIT_OF = {_words(one): unit for unit, every in words.UNITS.items() for one in every.split("|")}
_NAMED = _by_first({*_NAMES, *_GROUPS})
_IN_UNITS = _by_first(_UNIT_OF)
_UNNAMED = {_words(one) for one in words.NEED_UNIT.split("|")}
#: Long words of names, by what is left of them without one letter.
_KNOWN = (
    {word for phrase in _NAMES for word in phrase}
    | words.BETWEEN
    | words.OTHERS
    | words.OTHERS_NEAR
)
_LIKE = {
    part: word
    for phrase in _NAMES
    for word in phrase
    if len(word) >= words.LONG and word.isalpha()
    for part in (word, *_shorter(word))
}
_WEAK_NAMES = {(one,) for one in words.WEAK}


# --- reading ------------------------------------------------------------------------------


class _Value(NamedTuple):
    """A number as it is written, to either side of which it may be; and its unit, if any."""

    value: float
    reach: float
    unit: str | None
    has_point: bool


def claims(text: str) -> list[Claim]:
    """The quantities that a text states, in their order; what is around them may be any prose.

    A height is of the lead behind it, or else of the one that its sentence last named before it. It
    has the sign that is written, and is negative in a depression of ST.
    """
    return _Reader(text).claims()


@lru_cache(maxsize=1 << 14)
def _spelt(word: str) -> str:
    """A word as the tables have it, where it is inflected or a long one with a letter wrong."""
    if found := _INFLECTED.fullmatch(word):
        return found.lastgroup or word
    if (
        not words.LONG - 1 <= len(word) <= 2 * words.LONG + 8
        or not word.isalpha()
        or word in _KNOWN
    ):
        return word
    return next((_LIKE[one] for one in (word, *_shorter(word)) if one in _LIKE), word)


class _Reader:
    """A text as tokens, and where each begins and ends."""

    def __init__(self, text: str) -> None:
        text = _HOLDING.sub(r"\n\1 ", text)
        text = _NAMING.sub(r"\n\1 ", _WRAPPED.sub(" ", _RULE.sub("", text)))
        text = _GLUED_TO_NAME.sub(r"\g<0> ", _GLUED.sub(" ", text))
        text = text.replace("->", "→").replace("=>", "→")
        text = _NOTHING.sub(" ", text.lower())
        every = list(_TOKEN.finditer(text))
        self.tokens = [_spelt(one[0]) for one in every]
        self.start = [one.start() for one in every]
        self.end = [one.end() for one in every]

    def claims(self) -> list[Claim]:
        found: list[Claim] = []
        at, lead, axes_until, are_norms = 0, None, -1, False
        height: Claim | None = None
        while at < len(self.tokens):
            token = self.tokens[at]
            if token in (".", ";", "\n"):
                lead, height, are_norms = None, None, False
            elif past := self._past_earlier(at):
                at = past
                continue
            elif token in words.NORMS and words.NORM & {*self.tokens[max(at - 2, 0) : at]}:
                are_norms = True
            elif token == "lead" and self._token(at + 1) in _LEADS:
                lead = _LEADS[self._token(at + 1)]
            elif height and self._is_number(at) and (more := self._heights(at, height, lead)):
                found, at = [*found, *more[0]], more[1]
                continue
            elif self._is_number(at):
                stated, at = self._before_its_name(at)
                found += stated
                height = next((one for one in stated if one.unit == "mV"), height)
                continue
            elif name := self._name(at):
                stated, after = self._behind(at, name, lead, at <= axes_until)
                found += [one for one in stated if not (are_norms and one.reach)]
                height = next((one for one in stated if one.unit == "mV"), height)
                if at <= axes_until and stated and name in words.UNDER_AXIS:
                    axes_until = self._past_marks(after)
                elif name in (("axis",), ("axes",)) and not stated:
                    axes_until = self._past_marks(at + 1)
                at = after
                continue
            at += 1
        return found

    # --- names ----------------------------------------------------------------------------

    def _name(self, at: int) -> Phrase | None:
        """The longest name that begins at a token."""
        found = self._phrase(at, _NAMED)
        if found is None or self._is_joined(at, at - 1):
            return None
        if found in _UNIT_OF and self._is_number(at - 1):
            return None
        return found

    def _is_joined(self, at: int, mark: int) -> bool:
        """Whether a hyphen joins a token to a word before it, as in "non-QT"."""
        return (
            mark > 0
            and self.tokens[mark] == "-"
            and self.end[mark] == self.start[at]
            and self.end[mark - 1] == self.start[mark]
            and self.tokens[mark - 1].isalpha()
            and self._phrase(mark - 1, _NAMED) is None
        )

    def _names(self, at: int, name: Phrase) -> tuple[list[dict[str, str]], int]:
        """What names mean that are listed, as in "PR/QRS", "PR, QRS and QT" or "RV5/SV1", and their
        end.
        """
        if name in _GROUPS:
            parts = [column.rsplit(" ", 1) for column in _GROUPS[name]]
            return [{unit: feature} for feature, unit in parts], at + len(name)
        found, end = [_NAMES[name]], at + len(name)
        while len(found) < words.IN_A_GROUP:
            after = end
            while after < end + 2 and self._token(after) in words.KINDS:
                after += 1
            after = self._past_bracketed_unit(after)
            if "mV" in found[-1] and self._token(after) in _LEADS:
                after += 1
            marks = after
            while marks < after + 3 and self._token(marks) in ("/", ",", "and", "&", "the", "|"):
                marks += 1
            other = self._phrase(marks, _NAMED)
            if other is None or other in _GROUPS:
                break
            found, end = [*found, _NAMES[other]], marks + len(other)
        return found, end

    def _past_bracketed_unit(self, at: int) -> int:
        """The end of "(ms)", where it begins at a token."""
        unit = self._phrase(at + 1, _IN_UNITS) if self._token(at) in ("(", "[") else None
        is_unit = unit and self._token(at + 1 + len(unit)) in (")", "]")
        return at + 2 + len(unit) if unit and is_unit else at

    def _is_others(self, at: int, name: Phrase) -> bool:
        """Whether words before a name make its number that of something else."""
        for before in range(at - 1, max(at - 4, -1), -1):
            if self.tokens[before] in words.CLAUSE_ENDS:
                break
            if self.tokens[before] in words.OTHERS_NEAR or self._is_other_day(before):
                return True
        before = at - 1
        if self._token(before) in ("+", "plus"):
            return True
        while before > at - 5 and (
            self._token(before) in (":", "ca")
            or (self._token(before) == "." and self._token(before - 1) in ("ca", "max", "min"))
        ):
            before -= 1
        if self._token(before) in words.OTHERS:
            return True
        return self._is_weak(at, name)

    def _is_other_day(self, at: int) -> bool:
        """Whether a token is the month or year of "in January", "in 2019"."""
        token = self.tokens[at]
        is_year = len(token) == 4 and token.isdecimal() and token[:2] in ("19", "20")
        return (is_year or token in words.MONTHS) and self._token(at - 1) in ("in", "since")

    def _is_weak(self, at: int, name: Phrase) -> bool:
        word = self._token(at - 1)
        known = words.RHYTHMS | words.OTHERS | words.OTHERS_NEAR
        return name in _WEAK_NAMES and word.isalpha() and word not in known

    # --- a name and its numbers -----------------------------------------------------------

    def _behind(
        self, at: int, name: Phrase, lead: str | None, under_axis: bool
    ) -> tuple[list[Claim], int]:
        """What is stated behind a name, and where to read on."""
        first_end = at + len(name)
        names, end = self._names(at, name)
        if len(names) > 1:  # a table's head, and what it holds
            below = self._past_bracketed_unit(end)
            while below < end + 8 and self._token(below) in ("|", "\n"):
                below += 1
            end = below if self._is_number(below) else end
        place, kind, between, is_loose = self._between(end)
        if not self._is_number(place) and not self._is_signed(place):
            return [], first_end
        values, after = self._values(place, len(names), between)
        if values and (past := self._past_other(between, after)):
            place, kind, between, is_loose = self._between(past)
            values, after = self._values(place, len(names), between)
            if not values or self._past_other(between, after):
                return [], past
        if len(names) > 1 and len(values) != len(names):
            # A number belongs to the name before it.
            return [], first_end
        names = [self._corrected(means, between, after) for means in names]
        found: list[Claim] = []
        units = [one.unit for one in values]
        for turn, one in enumerate(values):
            means = names[min(turn, len(names) - 1)]
            if turn and len(names) == 1 and self._token(place + 1) == "/":
                second = words.SECOND.get(means.get("ms", ""))
                means = {"ms": second} if second else {}
            told = one.unit or next((each for each in units[turn:] if each), None)
            if told is None and one.has_point and (kind or next(iter(means), "")) == "deg":
                return [], first_end  # recorders round axes
            if is_loose and told is None and not self._is_bare(between, after):
                return [], first_end
            unit = told or kind
            if unit is None and under_axis and "deg" in means:
                unit = "deg"
            claim = self._claim(means, one, unit, name in _UNNAMED and kind is None, is_loose)
            if claim is None:
                return [], first_end
            if claim.unit != "mV":
                found.append(claim)
                continue
            if words.DOWN & {*between}:
                claim = claim._replace(value=-abs(claim.value))
            leads, after = self._leads_behind(after)
            within = self._leads_within(first_end, place)
            if len(names) > 1 and len(within) == len(names):
                leads = [within[turn]]
            of_leads: Sequence[str | None] = leads or within[-1:] or [lead]
            found += [claim._replace(lead=each) for each in of_leads]
        is_norm = any(one.reach for one in values) and words.NORM & {*between, self._token(at - 1)}
        if not found or self._is_others(at, name) or is_norm:
            return [], after if found and not self._is_weak(at, name) else first_end
        return found, after

    def _between(self, at: int) -> tuple[int, str | None, list[str], bool]:
        """Where what may stand between a name and its number ends, the unit that it tells, itself,
        and whether a word is in it that is in no table.
        """
        kind: str | None = None
        seen: list[str] = []
        is_loose = False
        place = at
        while place < len(self.tokens) and len(seen) < words.APART:
            token = self.tokens[place]
            if mean := self._past_extremes(place):
                seen.append("mean")
                place = mean
                continue
            if past := self._past_reckoning(place):
                seen.append("=")
                place = past
                continue
            if self._is_number(place) or self._is_signed(place):
                break
            if (
                token == "\n"
                and self.tokens[place - 1] in (":", "=")
                and self._is_number(place + 1)
            ):
                place += 1
                continue
            if token == ".":
                if (
                    self.tokens[place - 1] not in words.ABBREVIATED
                    and self._token(place + 1) != "."
                ):
                    break
            elif (unit := self._phrase(place, _IN_UNITS)) and self._is_in_brackets(place, unit):
                kind = _UNIT_OF[unit]
                place += len(unit)
                seen.append(token)
                continue
            elif token not in words.KINDS and (named := self._phrase(place, _NAMED)):
                if self.tokens[place - 1] != "for":  # "corrected for rate"
                    break
                is_loose = True
                place += len(named)
                seen.append(token)
                continue
            elif token not in words.BETWEEN:
                if not token[0].isalpha() or token in words.STOPS:
                    break
                is_loose = True
            kind = words.KINDS.get(token, kind)
            seen.append(token)
            place += 1
        return place, kind, seen, is_loose

    def _is_bare(self, between: Sequence[str], after: int) -> bool:
        """Whether a number without unit, behind words of no table, ends what is said: "HR during
        study 82".
        """
        n_loose = sum(word not in words.BETWEEN for word in between)
        return (
            n_loose <= 2 and "," not in between and self._token(after) in words.CLAUSE_ENDS | {""}
        )

    def _past_extremes(self, at: int) -> int | None:
        """Where the mean is told after the least and the most, as in "min 47, mean 69"."""
        at = at + 1 if self._token(at) == "\n" else at
        if self._token(at) not in words.EXTREMES:
            return None
        for place in range(at + 1, at + 12):
            if self._token(place) in words.MEANS:
                return place + 1
        return None

    def _past_reckoning(self, at: int) -> int | None:
        """The end of "4 small squares" or of "300 / 4 =", from which a number is reckoned."""
        if not self._is_number(at):
            return None
        for place in range(at + 1, at + 8):
            if self._token(place) == "=" and place > at + 1:
                return place + 1
            if not self._is_number(place) and self._token(place) not in words.SIGNS:
                break
        place = at + 2 if self._token(at + 1) in ("small", "large", "little", "big") else at + 1
        return place + 1 if self._token(place) in words.SQUARES else None

    def _past_other(self, between: Sequence[str], after: int) -> int | None:
        """The end of a number that tells how much a quantity changed, or what it was on another
        day: "by 20 ms", "20 ms longer", "440 ms on the prior tracing", "440 ms yesterday".
        """
        token = self._token(after)
        if token in words.DIFFERENCES or token in words.OTHER_DAYS:
            return after + 1
        if token in ("on", "in"):
            for place in (after + 1, after + 2):
                if self._names_earlier(place):
                    return place + 2
        return after if "by" in between and words.CHANGED & {*between} else None

    def _names_earlier(self, at: int) -> bool:
        return self._token(at) in words.EARLIER and bool(
            {self._token(at + 1), self._token(at + 2)} & words.TRACINGS
        )

    def _past_earlier(self, at: int) -> int | None:
        """Where a sentence ends, or comes to this recording, that begins with an earlier one or
        tells limits; and the end of "compared to 2019 (rate 66)".
        """
        if self.tokens[at] in words.COMPARED:
            return self._past_brackets(at)
        if self.tokens[at] in words.LIMITS and self._token(at + 1) == ":":
            place = at + 2
            while place < len(self.tokens) and self.tokens[place] not in (".", "\n"):
                place += 1
            return place
        if not self._names_earlier(at):
            return None
        before = at - 2 if self._token(at - 1) in ("the", "a", "his", "her") else at - 1
        if self._token(before) not in ("", ".", ";", "\n", "on", "in"):
            return None
        place = at + 1
        while place < len(self.tokens) and self.tokens[place] not in words.TODAY:
            if self.tokens[place] in (".", ";", "\n") and not self._is_within(place):
                break
            place += 1
        return place

    def _past_brackets(self, at: int) -> int | None:
        """The end of brackets that open soon after a token, in its sentence."""
        opened = False
        for place in range(at + 1, min(at + 40, len(self.tokens))):
            token = self.tokens[place]
            if token in (".", ";", "\n") or (not opened and place > at + 8):
                return None
            if opened and token == ")":
                return place + 1
            opened = opened or token == "("
        return None

    def _is_within(self, at: int) -> bool:
        """Whether a mark stands between two numbers, as in a date, or behind a colon."""
        return (self._is_number(at + 1) and self.end[at] == self.start[at + 1]) or (
            self._token(at - 1) == ":"
        )

    def _corrected(
        self, means: dict[str, str], between: Sequence[str], after: int
    ) -> dict[str, str]:
        """What a name means where words beside it say that it is corrected, or by whom."""
        feature = means.get("ms", "")
        if feature == "QT" and "corrected" in between:
            feature = "QTc Bazett"
        if not feature.startswith("QTc"):
            return means
        behind = self.tokens[after : after + 3]
        if not (behind[:1] == ["("] and behind[2:] == [")"]) and not {*behind[:1]} & words.BY:
            behind = []
        for word in (*between, *behind):
            if word in words.FORMULAS:
                told = words.FORMULAS[word]
                return {"ms": told} if told else {}
        return {"ms": feature}

    def _leads_behind(self, at: int) -> tuple[list[str], int]:
        """The leads of "in V2, V3 and V4" or "in V2-V4" that begins at a token, and its end."""
        place = at + 1 if self._token(at) in ("in", "en", "i", "dans", "at") else at
        if place == at:
            return [], at
        if self._token(place) in ("lead", "leads"):
            place += 1
        found: list[str] = []
        while lead := _LEADS.get(self._token(place)):
            if found and self._is_number(place + 1):
                break
            if found and self.tokens[place - 1] in ("-", "to"):  # "V2-V4"
                found += [f"V{n}" for n in range(_V.get(found[-1], 9) + 1, _V.get(lead, 0))]
            found, at = [*found, lead], place + 1
            place = at
            while place < at + 2 and self._token(place) in (",", "and", "&", "/", "-", "to"):
                place += 1
            if place == at:
                break
        return found, at

    def _leads_within(self, begin: int, end: int) -> list[str]:
        """The leads that are named between two tokens."""
        return [
            _LEADS[self.tokens[place]]
            for place in range(begin, end)
            if self.tokens[place] in _LEADS
            and (self.tokens[place] != "i" or self._token(place - 1) in ("in", "lead"))
        ]

    def _heights(self, at: int, last: Claim, lead: str | None) -> tuple[list[Claim], int] | None:
        """A height that goes on from the last one: "ST 0.2 mV in V2, 0.3 mV in V3"."""
        begin = at - 1 if self._is_signed(at - 1) else at
        found = self._value(begin, ()) if self._token(begin - 1) not in words.BOUNDS else None
        if found is None or found[0].unit not in ("mV", "µV"):
            return None
        one, after = found
        leads, after = self._leads_behind(after)
        before = begin - 2 if self._token(begin - 1) in ("(", ":", "=") else begin - 1
        if not leads and self._token(before) in _LEADS:
            leads = [_LEADS[self._token(before)]]
        claim = self._claim({"mV": last.feature}, one, one.unit, False, False)
        if claim is None or not leads:
            return None
        value = -abs(claim.value) if last.value < 0 and last.feature == "ST" else claim.value
        return [claim._replace(lead=each, value=value) for each in leads], after

    def _is_in_brackets(self, at: int, unit: Phrase) -> bool:
        """Whether a unit is told of numbers that follow: "QT (ms): 380"."""
        after = at + len(unit)
        return (
            self._token(at - 1) in ("(", "[", ",")
            or self._token(after) in (":", "=", '"', "|")
            or self._is_number(after)
        )

    def _claim(
        self,
        means: Mapping[str, str],
        one: _Value,
        unit: str | None,
        needs_unit: bool,
        is_loose: bool,
    ) -> Claim | None:
        """A number as what a name means; None where it is not."""
        if not means or (unit is None and needs_unit):
            return None
        scale = 1.0
        said = unit or next(iter(means))
        if said == "s" or (one.unit is None and said == "ms" and one.has_point and one.value < 4):
            said, scale = "ms", 1000.0
        elif said == "µV":
            said, scale = "mV", 0.001
        feature = means.get(said)
        if feature is None:
            return None
        if said == "mV":
            if abs(one.value * scale) > words.WAVE_MV:
                return None  # sensed inside the heart
            return Claim(feature, None, round(one.value * scale, 6), said)
        value = one.value if said == "deg" else abs(one.value)
        value, reach = round(value * scale, 6), round(one.reach * scale, 6)
        if reach and (value - reach, value + reach) in words.TEXTBOOK.get(feature, ()):
            return None
        if one.unit is None or is_loose:
            low, high = words.PLAUSIBLE.get(feature, (1, 0))
            if not low <= value <= high:
                return None
        return Claim(feature, None, value, said, reach)

    # --- numbers --------------------------------------------------------------------------

    def _values(self, at: int, n: int, between: Sequence[str]) -> tuple[list[_Value], int]:
        """The numbers that begin at a token, at most as many as there are names; of one name those
        that are listed up to a unit.
        """
        first = self._value(at, between)
        if first is None:
            return [], at
        one, place = first
        found, good = [one], place
        while len(found) < (n if n > 1 else words.IN_A_ROW):
            after = place
            while after < place + 2 and self._token(after) in ("/", ",", "and", "&", "|"):
                after += 1
            if n == 1 and (after == place or found[-1].unit):
                break
            more = self._value(after, ())
            if more is None:
                break
            found.append(more[0])
            place = more[1]
            if n > 1:
                good = place
        if n > 1:
            return found, good
        slash = self._token(at + 1) == "/" and len(found) > 1
        if len(found) > 1 and not found[-1].unit and not slash:
            return found[:1], good  # whose the others are, nobody says
        return found, place if len(found) > 1 else good

    def _value(self, at: int, between: Sequence[str]) -> tuple[_Value, int] | None:
        """A number or a range, and its end; None where it is none, or something else's."""
        low = self._number(at)
        if low is None:
            return None
        value, place = low
        has_point, reach = not self.tokens[place - 1].isdecimal(), 0.0
        # "1/min" behind a number is a unit, and "150-170" a range.
        unit, after = self._unit(place)
        is_range = (self._token(after) in words.RANGE and not self._is_signed(after)) or (
            self._token(after) == "and" and "between" in between
        )
        joined = self._token(after) in ("-", "–", "—")
        if is_range and (high := self._number(after + 1, signed=not joined)):
            top, place = high
            if words.CHANGED & {*between, self._token(after)} or (
                "from" in between and not words.VARIES & {*between}
            ):
                value = top
            elif top > value or not joined:
                value, reach = (value + top) / 2, abs(top - value) / 2
            else:
                return None
            unit, after = self._unit(place)
        elif self._token(place) == "±" and (spread := self._number(place + 1)):
            unit, after = self._unit(spread[1])
        if unit is None:
            token = self._token(place)
            if token in words.FOREIGN or (
                token in (":", "/", ".", ",", "-")
                and self._is_number(place + 1)
                and self.start[place + 1] - self.end[place - 1] == 1
                and token in (":", ".")
            ):
                return None
        return _Value(value, reach, unit, has_point), after

    def _number(self, at: int, *, signed: bool = True) -> tuple[float, int] | None:
        sign = 1.0
        if signed and self._is_signed(at):
            sign, at = (-1.0 if self.tokens[at] in words.MINUS else 1.0), at + 1
        if not self._is_number(at) or len(self.tokens[at]) > words.DIGITS:
            return None
        told = self.tokens[at]
        whole, comma, rest = told.partition(",")
        if comma and whole != "0" and len(rest) > 1:
            return None
        return sign * float(f"{whole}.{rest}" if comma else told), at + 1

    def _unit(self, at: int) -> tuple[str | None, int]:
        """The unit that begins at a token, and its end."""
        if self._token(at) == "-":  # "a 96-ms QRS"
            found = self._phrase(at + 1, _IN_UNITS)
            return (_UNIT_OF[found], at + 1 + len(found)) if found else (None, at)
        found = self._phrase(at, _IN_UNITS)
        return (_UNIT_OF[found], at + len(found)) if found else (None, at)

    def _before_its_name(self, at: int) -> tuple[list[Claim], int]:
        """What is stated by a number whose name follows, or by one that counts beats in a minute;
        and where to read on.
        """
        begin = at - 1 if self._is_signed(at - 1) else at
        found = self._value(begin, ())
        if found is None or found[0].unit is None or self._token(begin - 1) in words.BOUNDS:
            return [], at + 1
        one, after = found
        place = after
        while place < after + 3 and self._token(place) in ("-", "(", "for", "the", "long"):
            place += 1
        name = self._phrase(place, _NAMED)
        if name and name in _NAMES and self._token(begin - 1) not in ("+", "="):
            end = place + len(name)
            means = self._corrected(_NAMES[name], (), end)
            claim = self._claim(means, one, one.unit, False, False)
            if claim and not self._has_own(end) and not self._is_others(begin, name):
                if claim.unit != "mV":
                    return [claim], end
                while self._token(end) in ("wave", "elevation", "depression"):
                    if self._token(end) in words.DOWN:
                        claim = claim._replace(value=-abs(claim.value))
                    end += 1
                leads, end = self._leads_behind(end)
                of_leads: Sequence[str | None] = leads or [None]
                return [claim._replace(lead=each) for each in of_leads], end
        if one.unit == "1/min" and self._is_beats(begin, at):
            rate = self._claim({"1/min": "heart rate"}, one, one.unit, False, False)
            return [rate] if rate else [], after
        return [], at + 1

    def _has_own(self, at: int) -> bool:
        """Whether a number follows a name that is its own, and no next name's as in "96 ms QRS,
        160 ms PR".
        """
        place, _, between, is_loose = self._between(at)
        behind = self._value(place, between)
        if behind is None or is_loose:
            return False
        return not (between == [","] and self._phrase(behind[1], _NAMED))

    def _is_beats(self, begin: int, at: int) -> bool:
        """Whether a number in a minute is the heart's."""
        others = (words.OTHERS | words.OTHERS_NEAR) - {"atrial"}
        if {*self.tokens[max(begin - 4, 0) : begin], *self._clause_before(begin)} & others:
            return False
        if {*self.tokens[at + 1 : at + 4]} & words.BEATS or self._token(begin - 1) in words.RHYTHMS:
            return True
        low, high = words.OWN_RATE
        if not low <= float(self.tokens[at].replace(",", ".")) <= high:
            return False
        return not {*self._clause_before(begin)} & (
            words.OTHERS | words.OTHERS_NEAR | words.BREATHS
        )

    def _clause_before(self, at: int) -> list[str]:
        """The words before a token in its clause, eight at most."""
        begin = at
        while begin > max(at - 8, 0) and self.tokens[begin - 1] not in words.CLAUSE_ENDS:
            begin -= 1
        return self.tokens[begin:at]

    # --- tokens ---------------------------------------------------------------------------

    def _token(self, at: int) -> str:
        return self.tokens[at] if 0 <= at < len(self.tokens) else ""

    def _phrase(self, at: int, phrases: Mapping[str, Sequence[Phrase]]) -> Phrase | None:
        """The longest phrase that begins at a token."""
        for phrase in phrases.get(self._token(at), ()):
            if tuple(self.tokens[at : at + len(phrase)]) == phrase:
                return phrase
        return None

    def _is_number(self, at: int) -> bool:
        token = self._token(at)
        return token[-1:].isdecimal() and (token[0] == "." or token[0].isdecimal())

    def _is_signed(self, at: int) -> bool:
        """Whether a sign of the number behind it stands there, and no mark between two."""
        if self._token(at) == "minus":
            return self._is_number(at + 1)
        return (
            self._token(at) in {*words.MINUS, "+"}
            and self._is_number(at + 1)
            and self.end[at] == self.start[at + 1]
            and not (at and self.end[at - 1] == self.start[at] and self._ends_word(at - 1))
        )

    def _ends_word(self, at: int) -> bool:
        return self.tokens[at][-1].isalnum() or self.tokens[at] in ("°", "º")

    def _past_marks(self, at: int) -> int:
        """The next token that is no mark, at most six further on."""
        place = at
        while place < at + 6 and self._token(place) and not self._token(place)[0].isalnum():
            place += 1
        return place

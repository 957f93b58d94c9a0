"""What texts claim was measured of an ECG, as people, recorders and models write it.

Tables say what quantities are called (`_CALLED`), how units are written (`_UNITS`), what stands
between a name and its number (`_BETWEEN`), and which words make a number another one (`_OTHERS`,
`_FOREIGN`). A text is cut into tokens once, and from each a bounded number of others is looked at:
the time grows with the length of a text, whatever is written in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from auditor.core.record import STANDARD_LEADS


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


def _all(words: str) -> frozenset[str]:
    return frozenset(words.split())


# --- tables -------------------------------------------------------------------------------

#: What is measured, its unit, and what it is called. A corrected QT is Bazett's where a text does
#: not say whose, as on most recorders. The first row with a name is what it means without a unit.
_CALLED = (
    (
        "heart rate", "1/min",
        "heart rate|hr|ventricular rate|vent rate|vent. rate|ventr. rate|v rate|v. rate|v-rate|"
        "pulse rate|pulse|rate|ventricular response|ventricular response rate|cardiac frequency|"
        "sinus rhythm|sinus rhythm at|sinus rhythm @|rhythm at|bradycardia at|tachycardia at|"
        "fibrillation at|flutter at|nsr|nsr at|nsr @|sr|sr at|sr @|hf|herzfrequenz|frequenz|"
        "sinusrhythmus|frekvens|puls|sinusrytm|fc|frecuencia cardiaca|fréquence cardiaque|"
        "frequenza cardiaca",
    ),
    ("RR", "ms", "rr|r-r|cycle length"),
    ("PR", "ms", "pr|p-r|pq|p-q|pri|pq-zeit"),
    ("QRS", "ms", "qrs|qrsd|qrs d|qrs-d|qrsdur|qrs-dauer|qrs-breite"),
    ("QT", "ms", "qt|q-t|qt-zeit"),
    (
        "QTc Bazett", "ms",
        "qtc|qt-c|qt c|q-tc|qtcb|qtc-b|qtc b|qtc (b)|qtc bazett|qtc (bazett)|qtcbaz|bazett qtc|"
        "corrected qt|qt corrected|qt (corrected)|qtc-zeit",
    ),
    (
        "QTc Fridericia", "ms",
        "qtcf|qtc-f|qtc f|qtc (f)|qtc fridericia|qtc (fridericia)|qtcfri|fridericia qtc",
    ),
    ("QTc Hodges", "ms", "qtch|qtc-h|qtc (h)|qtc hodges|qtc (hodges)"),
    ("P duration", "ms", "p|pd|p wave|p-wave|p-dauer"),
    ("T duration", "ms", "t|t wave|t-wave"),
    ("ST", "ms", "st|st segment"),
    ("P axis", "deg", "p|p wave|p-wave"),
    ("QRS axis", "deg", "axis|axes|qrs|r|axis deviation|achse|axel|elaxel|eje|axe|asse"),
    ("T axis", "deg", "t|t wave|t-wave"),
    *((wave, "mV", wave.lower()) for wave in ("P", "Q", "R", "S", "ST", "T")),
)  # fmt: skip
#: Names of several quantities, whose numbers follow in that order.
_TOGETHER = {
    ("P axis deg", "QRS axis deg", "T axis deg"): "p-r-t|p-qrs-t|p/r/t|p/qrs/t|p,qrs,t|prt",
    ("QT ms", "QTc Bazett ms"): "corrected qt/qtc",
}
#: What a second number behind a slash is where only the first is named.
_SECOND = {"QT": "QTc Bazett"}
#: A name of several quantities without a unit is none, but of an axis behind that word.
_NEED_UNIT = (
    "p|t|st|q|r|s|p wave|p-wave|t wave|t-wave|st segment|sinus rhythm|sinusrhythmus|sinusrytm"
)
_UNDER_AXIS = {("p",), ("qrs",), ("r",), ("t",)}
#: A rate of its own only behind a mark, a number or one of these.
_WEAK = {"rate", "frequenz", "frekvens"}
_RHYTHMS = _all(
    "a the with at and or sinus rhythm bradycardia tachycardia fibrillation flutter arrhythmia "
    "regular irregular mean average overall resting ecg ekg rapid slow controlled its is has of "
    "normal about approximately mit à med von sinustachykardie sinusbradykardie"
)

_UNITS = {
    "ms": "ms|msec|msecs|msek|m sec|millisecond|milliseconds|milli seconds|millisec|millisekunden",
    "s": "s|sec|secs|second|seconds|sek|sekunden",
    "1/min": "1/min|bpm|b.p.m.|/min|/minute|/m|beats/min|beats/minute|beats per minute|"
    "beats per min|beats a minute|per minute|per min|b/min|min-1|pro minute|"
    "schläge/min|slag/min|lpm",
    "deg": "°|º|˚|deg|degs|degree|degrees|grad|grader",
    "mV": "mv",
}
#: What can be nothing but a heart rate.
_BEATS = {"bpm", "b", "beats", "schläge", "slag", "lpm"}
#: A number before one of these is of something else.
_FOREIGN = _all(
    "mm cm µv uv % hz mmhg mg ml kg y yr yrs year years month months day days week weeks hour "
    "hours h min mins minute minutes beats leads lead views x times joules watt watts mets g l th "
    "st nd rd points ng pg mmol pvcs pacs khz mhz am pm ± º° µg units boxes squares"
)
#: Words and marks between a name and its number; behind the first ones a unit is known.
_KINDS = {
    **dict.fromkeys(("axis", "axes", "axel", "achse"), "deg"),
    **dict.fromkeys(
        _all(
            "interval intervals int duration durations dur intervall intervalo intervalle "
            "intervallo dauer breite zeit tid bredd duración durée durata"
        ),
        "ms",
    ),
}
_BETWEEN = _KINDS.keys() | _all(
    "length time value values width of is was are were be been at to by : = ~ ≈ ( [ | \" ' … * , "
    "- – — → ) ] approximately approx about around circa ca near nearly roughly measured measures "
    "measuring measurement estimated calculated computed equals equal currently as a an the wave "
    "complex complexes mean average avg median normal prolonged short shortened borderline mildly "
    "slightly markedly moderately severely wide widened narrow increased decreased long slow fast "
    "within limits limit upper lower range ranging ranges varying varies from between found noted "
    "recorded reported stands reads shows showing with and bazett corrected frontal plane "
    "electrical degree it today beträgt von ist bei mit remains only just also constant stable "
    "leftward rightward left right indeterminate vertical horizontal lasting lasts which "
    "controlled rapid extremely appear appears numeric calculation calc komplex complejo es de "
    "accelerates accelerated accelerating narrows narrowed narrowing widens widening prolongation "
    "increases increasing decreases decreasing shortens rises rising rose falls falling fell "
    "averaging averages averaged varied ranged fluctuates fluctuating deviated shifted slowed "
    "slows improved improves changed changes lengthened"
)
_ABBREVIATED = {"int", "dur", "approx", "ca", "avg", "."}
#: Words before a name that make its number no measurement of this recording: a limit, an earlier
#: ECG, another rate.
_OTHERS = _all(
    "atrial vorhof flutter maximum maximal max minimum peak pacing pacemaker respiratory "
    "respiration breathing sampling sample escape non paper sweep infusion filtration "
    "sedimentation fetal programmed backup pvc pac pvcs pacs p"
)
#: The same up to three words before it.
_OTHERS_NEAR = _all(
    "target predicted prior previous previously former formerly earlier old upper lower limit "
    "threshold cutoff criterion criteria goal reference if when unless increase increment change "
    "difference corrected"
)
#: Before a number: it is a bound.
_BOUNDS = _all("< > ≤ ≥ than over under above below exceeds exceeding least most")
#: A range behind one of these is anybody's.
_NORM = {"normal", "reference"}
_RANGE, _MINUS = {"-", "–", "—", "to", "bis", "until", "auf"}, {"-", "−", "–", "minus"}
#: "from 172 ms to 112 ms": a range, but behind one of these, the second.
_CHANGED = _all(
    "increased increases increasing decreased decreases decreasing prolonged shortened shortens "
    "widened widens widening narrowed narrows narrowing accelerates accelerated accelerating rises "
    "rising rose falls falling fell slowed slows improved improves changed changes lengthened auf "
    "langsamer schneller"
)
_CLAUSE_ENDS = {*".,;()|\n"}

#: What a number without a unit has to be to be one of the quantity.
_PLAUSIBLE = {
    "heart rate": (20, 350), "RR": (250, 3000), "PR": (60, 600), "QRS": (40, 300),
    "QT": (180, 900), "QTc Bazett": (180, 900), "QTc Fridericia": (180, 900),
    "QTc Hodges": (180, 900), "P duration": (30, 250), "T duration": (50, 400),
    "P axis": (-180, 360), "QRS axis": (-180, 360), "T axis": (-180, 360),
}  # fmt: skip
#: Tokens between a name and its number, names in a group, numbers in a row, digits: not more.
_APART, _IN_A_GROUP, _IN_A_ROW, _DIGITS = 12, 8, 64, 7

_TOKEN = re.compile(r"\d+(?:[.,]\d+)?|(?<![\w.])\.\d+|[^\W\d_]+\d*|[^\w\s]|\n")
#: Markup says nothing, and "<" is a bound.
_TAG = re.compile(r"</?[a-z][^<>]{0,80}>")
_LEADS = {lead.lower(): lead for lead in STANDARD_LEADS}

Phrase = tuple[str, ...]


def _words(text: str) -> Phrase:
    return tuple(_TOKEN.findall(text))


def _by_first(phrases: Iterable[Phrase]) -> Mapping[str, Sequence[Phrase]]:
    """Phrases by their first token, the longest first."""
    found: dict[str, list[Phrase]] = {}
    for phrase in sorted(phrases, key=len, reverse=True):
        found.setdefault(phrase[0], []).append(phrase)
    return found


#: By name, unit → what is measured; by phrase of a unit, the unit.
_NAMES: dict[Phrase, dict[str, str]] = {}
for _feature, _unit, _called in _CALLED:
    for _name in _called.split("|"):
        _NAMES.setdefault(_words(_name), {}).setdefault(_unit, _feature)
_GROUPS = {
    _words(one): columns for columns, called in _TOGETHER.items() for one in called.split("|")
}
_UNIT_OF = {_words(one): unit for unit, every in _UNITS.items() for one in every.split("|")}
_NAMED = _by_first({*_NAMES, *_GROUPS})
_IN_UNITS = _by_first(_UNIT_OF)
_UNNAMED = {_words(one) for one in _NEED_UNIT.split("|")}
_WEAK_NAMES = {(one,) for one in _WEAK}


# --- reading ------------------------------------------------------------------------------


class _Value(NamedTuple):
    """A number as it is written, to either side of which it may be; and its unit, if any."""

    value: float
    reach: float
    unit: str | None
    has_point: bool


def claims(text: str) -> list[Claim]:
    """The quantities that a text states, in their order; what is around them may be any prose.

    A height is of the lead that its sentence last named before it.
    """
    return _Reader(text).claims()


class _Reader:
    """A text as tokens, and where each begins and ends."""

    def __init__(self, text: str) -> None:
        every = list(_TOKEN.finditer(_TAG.sub(" ", text.lower())))
        self.tokens = [one[0] for one in every]
        self.start = [one.start() for one in every]
        self.end = [one.end() for one in every]

    def claims(self) -> list[Claim]:
        found: list[Claim] = []
        at, lead, axes_until, are_norms = 0, None, -1, False
        while at < len(self.tokens):
            token = self.tokens[at]
            if token in (".", ";", "\n"):
                lead, are_norms = None, False
            elif token in ("range", "ranges", "values") and self._token(at - 1) in _NORM:
                are_norms = True
            elif token == "lead" and self._token(at + 1) in _LEADS:
                lead = _LEADS[self._token(at + 1)]
            elif self._is_number(at):
                stated, at = self._before_its_name(at)
                found += stated
                continue
            elif name := self._name(at):
                stated, after = self._behind(at, name, lead, at <= axes_until)
                found += [one for one in stated if not (are_norms and one.reach)]
                if at <= axes_until and stated and name in _UNDER_AXIS:
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
        """What names mean that are listed, as in "PR/QRS" or "PR, QRS and QT", and their end."""
        if name in _GROUPS:
            parts = [column.rsplit(" ", 1) for column in _GROUPS[name]]
            return [{unit: feature} for feature, unit in parts], at + len(name)
        found, end = [_NAMES[name]], at + len(name)
        while len(found) < _IN_A_GROUP:
            after = end
            while after < end + 2 and self._token(after) in _KINDS:
                after += 1
            marks = after
            while marks < after + 3 and self._token(marks) in ("/", ",", "and", "&", "the", "|"):
                marks += 1
            other = self._phrase(marks, _NAMED) if marks > after else None
            if other is None or other in _GROUPS:
                break
            found, end = [*found, _NAMES[other]], marks + len(other)
        return found, end

    def _is_others(self, at: int, name: Phrase) -> bool:
        """Whether words before a name make its number that of something else."""
        for before in range(at - 1, max(at - 4, -1), -1):
            if self.tokens[before] in _CLAUSE_ENDS:
                break
            if self.tokens[before] in _OTHERS_NEAR:
                return True
        before = at - 1
        while before > at - 5 and (
            self._token(before) in (":", "ca")
            or (self._token(before) == "." and self._token(before - 1) in ("ca", "max", "min"))
        ):
            before -= 1
        if self._token(before) in _OTHERS:
            return True
        word = self._token(at - 1)
        return name in _WEAK_NAMES and word.isalpha() and word not in _RHYTHMS

    # --- a name and its numbers -----------------------------------------------------------

    def _behind(
        self, at: int, name: Phrase, lead: str | None, under_axis: bool
    ) -> tuple[list[Claim], int]:
        """What is stated behind a name, and where to read on."""
        first_end = at + len(name)
        names, end = self._names(at, name)
        place, kind, between = self._between(end)
        if not self._is_number(place) and not self._is_signed(place):
            return [], first_end
        values, after = self._values(place, len(names), between)
        if len(names) > 1 and len(values) != len(names):
            # A number belongs to the name before it.
            return [], first_end
        found = []
        units = [one.unit for one in values]
        for turn, one in enumerate(values):
            means = names[min(turn, len(names) - 1)]
            if turn and len(names) == 1 and self._token(place + 1) == "/":
                second = _SECOND.get(means.get("ms", ""))
                means = {"ms": second} if second else {}
            told = one.unit or next((each for each in units[turn:] if each), None)
            if told is None and one.has_point and (kind or next(iter(means), "")) == "deg":
                return [], first_end  # recorders round axes
            unit = told or kind
            if unit is None and under_axis and "deg" in means:
                unit = "deg"
            claim = self._claim(means, one, unit, name in _UNNAMED and kind is None, lead, between)
            if claim is None:
                return [], first_end
            found.append(claim)
        is_norm = any(one.reach for one in values) and _NORM & {*between, self._token(at - 1)}
        if not found or self._is_others(at, name) or is_norm:
            return [], after if found else first_end
        return found, after

    def _between(self, at: int) -> tuple[int, str | None, list[str]]:
        """Where what may stand between a name and its number ends, the unit that it tells, and
        itself.
        """
        kind: str | None = None
        seen: list[str] = []
        place = at
        while place < len(self.tokens) and len(seen) < _APART:
            token = self.tokens[place]
            if self._is_number(place) or self._is_signed(place):
                break
            if token == ".":
                if self.tokens[place - 1] not in _ABBREVIATED and self._token(place + 1) != ".":
                    break
            elif (unit := self._phrase(place, _IN_UNITS)) and self._is_in_brackets(place, unit):
                kind = _UNIT_OF[unit]
                place += len(unit)
                seen.append(token)
                continue
            elif token not in _BETWEEN or (
                token not in _KINDS and self._phrase(place, _NAMED) is not None
            ):
                break
            kind = _KINDS.get(token, kind)
            seen.append(token)
            place += 1
        return place, kind, seen

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
        lead: str | None,
        between: Sequence[str],
    ) -> Claim | None:
        """A number as what a name means; None where it is not."""
        if not means or (unit is None and needs_unit):
            return None
        scale = 1.0
        said = unit or next(iter(means))
        if said == "s" or (unit is None and said == "ms" and one.has_point and one.value < 4):
            said, scale = "ms", 1000.0
        feature = means.get(said)
        if feature is None:
            return None
        if said == "mV":
            if list(between) != ["is"]:  # as GEM is taught; all else may be anything's height
                return None
            return Claim(feature, lead, one.value, said)
        value = one.value if said == "deg" else abs(one.value)
        value, reach = round(value * scale, 6), round(one.reach * scale, 6)
        if one.unit is None:
            low, high = _PLAUSIBLE.get(feature, (1, 0))
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
        while len(found) < (n if n > 1 else _IN_A_ROW):
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
        is_range = (self._token(after) in _RANGE and not self._is_signed(after)) or (
            self._token(after) == "and" and "between" in between
        )
        joined = self._token(after) in ("-", "–", "—")
        if is_range and (high := self._number(after + 1, signed=not joined)):
            top, place = high
            if _CHANGED & {*between, self._token(after)}:
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
            if token in _FOREIGN or (
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
            sign, at = (-1.0 if self.tokens[at] in _MINUS else 1.0), at + 1
        if not self._is_number(at) or len(self.tokens[at]) > _DIGITS:
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
        if found is None or found[0].unit is None or self._token(begin - 1) in _BOUNDS:
            return [], at + 1
        one, after = found
        place = after
        while place < after + 3 and self._token(place) in ("-", "(", "for", "the", "long"):
            place += 1
        name = self._phrase(place, _NAMED)
        if name and name in _NAMES and (one.unit or "") != "mV":
            claim = self._claim(_NAMES[name], one, one.unit, False, None, ())
            if claim and not self._has_own(place + len(name)) and not self._is_others(begin, name):
                return [claim], place + len(name)
        if one.unit == "1/min" and self._is_beats(begin, at):
            return [Claim("heart rate", None, one.value, "1/min", one.reach)], after
        return [], at + 1

    def _has_own(self, at: int) -> bool:
        """Whether a number follows a name that is its own, and no next name's as in "96 ms QRS,
        160 ms PR".
        """
        place, _, between = self._between(at)
        behind = self._value(place, between)
        if behind is None:
            return False
        return not (between == [","] and self._phrase(behind[1], _NAMED))

    def _is_beats(self, begin: int, at: int) -> bool:
        """Whether a number in a minute is the heart's."""
        if {*self.tokens[max(begin - 4, 0) : begin]} & ((_OTHERS | _OTHERS_NEAR) - {"atrial"}):
            return False
        beats = {*self.tokens[at + 1 : at + 4]} & _BEATS
        return bool(beats) or self._token(begin - 1) in _RHYTHMS

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
        return self._token(at)[-1:].isdecimal() and not self._token(at)[:1].isalpha()

    def _is_signed(self, at: int) -> bool:
        """Whether a sign of the number behind it stands there, and no mark between two."""
        if self._token(at) == "minus":
            return self._is_number(at + 1)
        return (
            self._token(at) in {*_MINUS, "+"}
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

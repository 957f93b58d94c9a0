"""National numbers, told by their form and their check digits; accounts likewise.

Written from what the issuers publish:

- DK: CPR-kontoret, "Personnummeret i CPR" (weights 4327654321; since 2007 not all keep to them)
- SE: Skatteverket SKV 704 (Luhn); NO: Skatteetaten, fødselsnummer (two digits modulo 11)
- FI: Digi- ja väestötietovirasto, henkilötunnus (31 letters; marks of centuries since 2023)
- DE: Bundeszentralamt für Steuern, § 139b AO (ISO 7064 MOD 11,10); KVNR: § 290 SGB V;
  Rentenversicherungsnummer: § 147 SGB VI
- NL: RvIG, burgerservicenummer (elfproef); BE: Rijksregister, KB 3 April 1984 (97 − n mod 97)
- FR: INSEE, numéro de sécurité sociale (97 − n mod 97); CH: ZAS, AHVN13 (EAN-13)
- ES: Ministerio del Interior, NIF/NIE (n mod 23); IT: DM 23 December 1976 (codice fiscale)
- UK: NHS Data Dictionary, NHS number (modulo 11); PL: PESEL, weights 1379
- US: SSA, ranges of SSN; CMS, Medicare Beneficiary Identifier; BR: Receita Federal, CPF
- CN: GB 11643-1999 (ISO 7064 MOD 11-2); accounts: ISO 13616 (IBAN), ISO/IEC 7812 (Luhn)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from auditor.data.identifiers.classes import ACCOUNT, INSURANCE, NATIONAL, Hit
from auditor.data.identifiers.dates import is_day_of

_LETTERS_FI = "0123456789ABCDEFHJKLMNPRSTUVWXY"
_LETTERS_ES = "TRWAGMYFPDXBNJZSQVHLCKE"
_CHECKS_CN = "10X98765432"
_ODD_IT = dict(
    zip("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", (
        *(1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21),
        *(2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23),
    ), strict=True)
)  # fmt: skip
_EVEN_IT = {
    **{str(n): n for n in range(10)},
    **{one: n for n, one in enumerate("ABCDEFGHIJKLMNOPQRSTUVWXYZ")},
}
#: In a codice fiscale letters stand for the digits of one that two people would share.
_DIGITS_IT = str.maketrans("LMNPQRSTUV", "0123456789")
_MONTHS_IT = "ABCDEHLMPRST"


@dataclass(frozen=True)
class _Form:
    """One kind of number.

    Attributes
    ----------
    pattern : how it is written
    check : whether its digits keep to the issuer's rule
    sure : whether a number that does is one, with no word beside it; a check digit in ten that
        is right by chance is no proof
    """

    name: str
    pattern: re.Pattern[str]
    check: Callable[[str], bool]
    sure: bool
    kind: str = NATIONAL


def find(text: str) -> Iterator[Hit]:
    """Every number that is one by its form and check digits."""
    figures = sum(map(str.isdigit, text))
    for form in _LETTERED if figures in range(5, 8) else _FORMS if figures > 7 else ():
        for one in form.pattern.finditer(text):
            if form.check(_bare(one[0])) and not in_a_row(text, one):
                yield Hit(form.kind, one.start(), one.end(), form.name, form.sure)


def in_a_row(text: str, one: re.Match[str]) -> bool:
    """Whether a number with spaces is a part of a longer row of numbers, such as samples."""
    return " " in one[0] and stands_in_a_row(text, one)


def stands_in_a_row(text: str, one: re.Match[str]) -> bool:
    """Whether other numbers stand beside a number."""
    start, stop = one.span()
    before, behind = text[max(start - 2, 0) : start], text[stop : stop + 3]
    beside = re.search(r"\d[ ,]$", before) or re.match(r"[ ,]-?\d", behind)
    return beside is not None


def is_number(value: str) -> bool:
    """Whether a number keeps to the rule of one of the issuers."""
    return any(form.pattern.fullmatch(value) and form.check(_bare(value)) for form in _FORMS)


def _bare(written: str) -> str:
    return re.sub(r"[\s./-]", "", written).upper()


def _digits(text: str) -> list[int]:
    return [int(one) for one in text]


def _weighed(number: str, weights: Sequence[int]) -> int:
    return sum(a * b for a, b in zip(_digits(number), weights, strict=False))


def luhn(number: str) -> bool:
    """Whether the last digit is that of ISO/IEC 7812-1 annex B."""
    doubled = [2 * d if place % 2 else d for place, d in enumerate(_digits(number)[::-1])]
    return sum(d - 9 * (d > 9) for d in doubled) % 10 == 0


def _born(number: str) -> bool:
    """Whether six digits are a day, a month and two of a year."""
    day, month, year = (int(number[at : at + 2]) for at in (0, 2, 4))
    return any(is_day_of(century + year, month, day) for century in (1900, 2000))


def _cpr(number: str) -> bool:
    return _born(number[:6]) and _weighed(number, (4, 3, 2, 7, 6, 5, 4, 3, 2, 1)) % 11 == 0


def _cpr_form(number: str) -> bool:
    return _born(number[:6])


def _personnummer(number: str) -> bool:
    return _swedish_day(number) and luhn(number.replace("+", "")[-10:])


def _swedish_day(number: str) -> bool:
    digits = number.replace("+", "")
    short = digits[-10:]
    day = int(short[4:6])
    day -= 60 * (day > 60)  # a coordination number
    years = (
        (int(digits[:4]),) if len(digits) == 12 else (1900 + int(short[:2]), 2000 + int(short[:2]))
    )
    return any(is_day_of(year, int(short[2:4]), day) for year in years)


def _fodselsnummer(number: str) -> bool:
    day, month = int(number[:2]), int(number[2:4])
    day -= 40 * (day > 40)  # a D number
    month -= 40 * (month > 40)
    return (
        _born(f"{day:02d}{month:02d}{number[4:6]}")
        and _weighed(number, (3, 7, 6, 1, 8, 9, 4, 5, 2, 1)) % 11 == 0
        and _weighed(number, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1)) % 11 == 0
    )


def _hetu(number: str) -> bool:
    digits = re.sub(r"\D", "", number[:-1])
    return len(digits) == 9 and _born(digits) and _LETTERS_FI[int(digits) % 31] == number[-1]


def _steuer_id(number: str) -> bool:
    """§ 139b AO: of the first ten digits one stands there twice or three times."""
    counts = sorted(number[:10].count(digit) for digit in set(number[:10]))
    if number[0] == "0" or counts[-1] not in (2, 3) or counts[:-1].count(1) != len(counts) - 1:
        return False
    product = 10
    for digit in _digits(number[:10]):
        total = (digit + product) % 10 or 10
        product = 2 * total % 11
    return (11 - product) % 10 == int(number[10])


def _rvnr(number: str) -> bool:
    """§ 147 SGB VI and VKVV § 2: letters count as two figures, sums are of figures."""
    digits = f"{number[:8]}{ord(number[8]) - 64:02d}{number[9:11]}"
    weights = (2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1)
    total = sum(sum(divmod(d * w, 10)) for d, w in zip(_digits(digits), weights, strict=True))
    return int(number[4:6]) in range(1, 13) and total % 10 == int(number[11])


def _kvnr(number: str) -> bool:
    digits = f"{ord(number[0]) - 64:02d}{number[1:9]}"
    total = sum(sum(divmod(d * (1 + place % 2), 10)) for place, d in enumerate(_digits(digits)))
    return total % 10 == int(number[9])


def _bsn(number: str) -> bool:
    return number != "0" * 9 and _weighed(number, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0


def _rijksregister(number: str) -> bool:
    base, check = int(number[:9]), int(number[9:])
    month = int(number[2:4]) % 20
    known = month == 0 or month in range(1, 13)
    return known and check in (97 - base % 97, 97 - (2 * 10**9 + base) % 97)


def _nir(number: str) -> bool:
    month = int(number[3:5])
    known = month in range(1, 13) or month in range(20, 43) or month in range(50, 100)
    base = number[:13].replace("2A", "19").replace("2B", "18")
    return known and base.isdigit() and 97 - int(base) % 97 == int(number[13:])


def _ahv(number: str) -> bool:
    return (10 - _weighed(number, (1, 3) * 6) % 10) % 10 == int(number[12])


def _dni(number: str) -> bool:
    digits = number[:-1]
    if digits[0] in "XYZ":
        digits = str("XYZ".index(digits[0])) + digits[1:]
    return _LETTERS_ES[int(digits) % 23] == number[-1]


def _codice_fiscale(number: str) -> bool:
    day = number[9:11].translate(_DIGITS_IT)
    if number[8] not in _MONTHS_IT or not day.isdigit() or int(day) % 40 not in range(1, 32):
        return False
    total = sum((_EVEN_IT if at % 2 else _ODD_IT)[one] for at, one in enumerate(number[:15]))
    return chr(65 + total % 26) == number[15]


def _nhs(number: str) -> bool:
    check = 11 - _weighed(number, range(10, 1, -1)) % 11
    return check != 10 and check % 11 == int(number[9]) and len(set(number)) > 1


def _ssn(number: str) -> bool:
    area, group, serial = number[:3], number[3:5], number[5:]
    return area not in ("000", "666") and area < "900" and group != "00" and serial != "0000"


def _cpf(number: str) -> bool:
    first = 11 - _weighed(number, range(10, 1, -1)) % 11
    second = 11 - _weighed(number, range(11, 1, -1)) % 11
    checks = [0 if one > 9 else one for one in (first, second)]
    return len(set(number)) > 1 and checks == _digits(number[9:])


def _pesel(number: str) -> bool:
    month = int(number[2:4]) % 20
    day = int(number[4:6])
    total = _weighed(number, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1))
    return month in range(1, 13) and day in range(1, 32) and total % 10 == 0


def _resident(number: str) -> bool:
    year, month, day = int(number[6:10]), int(number[10:12]), int(number[12:14])
    weights = [2 ** (17 - place) % 11 for place in range(17)]
    check = _CHECKS_CN[_weighed(number[:17], weights) % 11]
    return 1880 < year < 2100 and is_day_of(year, month, day) and check == number[17]


def _iban(number: str) -> bool:
    turned = number[4:] + number[:4]
    return int("".join(str(int(one, 36)) for one in turned)) % 97 == 1


def _card(number: str) -> bool:
    return luhn(number) and len(set(number)) > 2


def _always(number: str) -> bool:
    return bool(number)


#: No digit, and no number of which this would be a part, may stand beside it.
_L, _R = r"(?<![\w.,/-])", r"(?![\w/]|[.,-]\d)"


def _form(
    name: str, pattern: str, check: Callable[[str], bool], sure: bool = True, kind: str = NATIONAL
) -> _Form:
    return _Form(name, re.compile(_L + pattern + _R), check, sure, kind)


_MBI = r"[AC-HJKMNP-RT-Y]"
_FORMS = (
    _form("DK CPR number", r"\d{6}-\d{4}", _cpr),
    _form("DK CPR number's form", r"\d{6}-\d{4}", _cpr_form, sure=False),
    _form("DK CPR number", r"\d{6} ?\d{4}", _cpr, sure=False),
    _form("SE personnummer", r"(?:19|20)?\d{6}[-+]\d{4}", _personnummer),
    _form("SE personnummer's form", r"(?:19|20)\d{6}[-+]\d{4}", _swedish_day),
    _form("SE personnummer", r"(?:19|20)\d{10}", _personnummer),
    _form("SE personnummer", r"\d{10}", _personnummer, sure=False),
    _form("NO fødselsnummer", r"\d{6}[ -]?\d{5}", _fodselsnummer),
    _form("FI henkilötunnus", r"\d{6}[-+A-FU-Y]\d{3}[0-9A-FHJ-NPR-Y]", _hetu),
    _form("DE Steuer-ID", r"\d{2} \d{3} \d{3} \d{3}", _steuer_id),
    _form("DE Steuer-ID", r"[1-9]\d{10}", _steuer_id, sure=False),
    _form("DE Rentenversicherungsnummer", r"\d{2} ?\d{6} ?[A-Z] ?\d{3}", _rvnr),
    _form("DE KVNR", r"[A-Z]\d{9}", _kvnr, sure=False, kind=INSURANCE),
    _form("NL BSN", r"\d{4}\.\d{2}\.\d{3}", _bsn),
    _form("NL BSN", r"\d{9}", _bsn, sure=False),
    _form("BE rijksregisternummer", r"\d{2}\.\d{2}\.\d{2}-\d{3}\.\d{2}", _rijksregister),
    _form("BE rijksregisternummer", r"\d{11}", _rijksregister, sure=False),
    _form("FR NIR", r"[12] ?\d{2} ?\d{2} ?(?:\d{2}|2[AB]) ?\d{3} ?\d{3} ?\d{2}", _nir),
    _form("CH AHV number", r"756\.?\d{4}\.?\d{4}\.?\d{2}", _ahv),
    _form("ES DNI", r"\d{8}-?[A-HJ-NP-TV-Z]", _dni),
    _form("ES NIE", r"[XYZ]-?\d{7}-?[A-HJ-NP-TV-Z]", _dni),
    _form(
        "IT codice fiscale",
        r"[A-Za-z]{6}[\dL-NP-VL-np-v]{2}[A-Za-z][\dL-NP-V]{2}[A-Za-z][\dL-NP-V]{3}[A-Za-z]",
        _codice_fiscale,
    ),
    _form("UK NHS number", r"\d{3} \d{3} \d{4}", _nhs),
    _form("UK NHS number", r"\d{10}", _nhs, sure=False),
    _form(
        "UK National Insurance number",
        r"(?!BG|GB|NK|KN|TN|NT|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D]",
        _always,
    ),
    _form("US SSN", r"\d{3}-\d{2}-\d{4}", _ssn),
    _form(
        "US Medicare number",
        rf"[1-9]{_MBI}[AC-HJKMNP-RT-Y\d]\d-?{_MBI}[AC-HJKMNP-RT-Y\d]\d-?{_MBI}{_MBI}\d\d",
        _always,
    ),
    _form("BR CPF", r"\d{3}\.\d{3}\.\d{3}-\d{2}", _cpf),
    _form("BR CPF", r"\d{11}", _cpf, sure=False),
    _form("PL PESEL", r"\d{11}", _pesel, sure=False),
    _form("CN resident identity number", r"[1-9]\d{16}[\dXx]", _resident),
    _form("IBAN", r"[A-Z]{2}\d{2}(?: ?[A-Z\d]{4}){2,7}(?: ?[A-Z\d]{1,3})?", _iban, kind=ACCOUNT),
    _form("card number", r"[3-6]\d{3}([ -])\d{4}\1\d{4}\1\d{4}", _card, kind=ACCOUNT),
)  # fmt: skip
#: Those of fewer than eight figures.
_LETTERED = tuple(form for form in _FORMS if re.search("[A-Z]", form.pattern.pattern))

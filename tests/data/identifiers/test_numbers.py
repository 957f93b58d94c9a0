"""Published numbers keep to their rules, and one digit beside they do not."""

from __future__ import annotations

import random

import pytest
from faker import Faker

from auditor.data.identifiers.classes import HIPAA
from auditor.data.identifiers.numbers import find

#: As the issuers, or their documentation, print them: number, form, whether it is sure by itself.
PUBLISHED = [
    ("211062-5629", "DK CPR number", True),
    ("811228-9874", "SE personnummer", True),
    ("19121212-1212", "SE personnummer", True),
    ("131052-308T", "FI henkilötunnus", True),
    ("86 095 742 719", "DE Steuer-ID", True),
    ("47036892816", "DE Steuer-ID", False),
    ("65929970489", "DE Steuer-ID", False),
    ("A123456780", "DE KVNR", False),
    ("111222333", "NL BSN", False),
    ("85.07.30-033.28", "BE rijksregisternummer", True),
    ("2 55 08 14 168 025 38", "FR NIR", True),
    ("756.9217.0769.85", "CH AHV number", True),
    ("12345678Z", "ES DNI", True),
    ("X1234567L", "ES NIE", True),
    ("RSSMRA85T10A562S", "IT codice fiscale", True),
    ("943 476 5919", "UK NHS number", True),
    ("401 023 2137", "UK NHS number", True),
    ("1EG4-TE5-MK73", "US Medicare number", True),
    ("390.533.447-05", "BR CPF", True),
    ("44051401359", "PL PESEL", False),
    ("11010519491231002X", "CN resident identity number", True),
    ("GB82 WEST 1234 5698 7654 32", "IBAN", True),
    ("DE89370400440532013000", "IBAN", True),
    ("5105 1051 0510 5100", "card number", True),
]
#: Faker's locale → the form that its numbers have.
ISSUED = {
    "sv_SE": "SE personnummer", "no_NO": "NO fødselsnummer", "fi_FI": "FI henkilötunnus",
    "fr_FR": "FR NIR", "it_IT": "IT codice fiscale", "nl_NL": "NL BSN",
    "zh_CN": "CN resident identity number",
    "de_CH": "CH AHV number", "pl_PL": "PL PESEL", "en_US": "US SSN",
}  # fmt: skip


@pytest.mark.parametrize(("number", "form", "sure"), PUBLISHED)
def test_a_published_number_is_known_by_its_issuer(number, form, sure):
    assert (form, sure) in {(hit.rule, hit.sure) for hit in find(number)}


@pytest.mark.parametrize(
    ("number", "form"), [(n, f) for n, f, _ in PUBLISHED if f not in ("US Medicare number",)]
)
def test_no_other_last_character_is_right(number, form):
    others = "0123456789" if number[-1].isdigit() else "ABCDEFGHJKLMNPQRSTVWXYZ"
    right = [
        last
        for last in others
        if form in {hit.rule for hit in find(number[:-1] + last)} and last != number[-1]
    ]
    assert right == []


@pytest.mark.parametrize("locale", ISSUED)
def test_numbers_of_another_s_generator_are_all_known(locale):
    faker = Faker(locale)
    faker.seed_instance(7)
    for _ in range(100):
        number = faker.ssn()
        assert ISSUED[locale] in {hit.rule for hit in find(f"x {number}.")}, number


def test_german_pension_numbers_of_another_s_generator_are_known():
    faker = Faker("de_DE")
    faker.seed_instance(7)
    for _ in range(100):
        assert "DE Rentenversicherungsnummer" in {hit.rule for hit in find(faker.rvnr())}


def test_numbers_that_are_sure_by_themselves_are_seldom_met_by_chance():
    rng = random.Random(0)
    rows = ["".join(rng.choices("0123456789", k=rng.randrange(6, 16))) for _ in range(20_000)]
    assert sum(hit.sure for row in rows for hit in find(row)) < 20


def test_every_number_is_of_a_class_that_the_law_names():
    assert {hit.kind for number, *_ in PUBLISHED for hit in find(number)} <= set(HIPAA)


def test_samples_in_a_row_are_no_number():
    assert list(find("955 943 476 5919 12")) == []
    assert list(find("2250 5105 1051 0510 5100 2739")) == []

"""Identifiers planted in texts and tables as exporters write them, and what only looks like them.

Everything is made from a seed, by generators of others: Faker's, per country, for names, numbers,
telephones and addresses; Babel's for dates as CLDR writes them; published examples where Faker has
none. Nobody of these people exists.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence

from babel.dates import format_date
from faker import Faker

from tests.data.identifiers.frame import Cells, Text, days, faker, ordinary_texts, planted

#: Language → (Faker's locale, Babel's locale).
LANGUAGES = {
    "en": ("en_US", "en_US"), "de": ("de_DE", "de_DE"), "fr": ("fr_FR", "fr_FR"),
    "es": ("es_ES", "es_ES"), "it": ("it_IT", "it_IT"), "nl": ("nl_NL", "nl_NL"),
    "pt": ("pt_BR", "pt_BR"), "sv": ("sv_SE", "sv_SE"), "da": ("da_DK", "da_DK"),
    "no": ("no_NO", "nb_NO"), "fi": ("fi_FI", "fi_FI"),
}  # fmt: skip


def people(language: str, seed: int) -> Faker:
    """A country's generator of invented people."""
    return faker(LANGUAGES[language][0], f"{language}/{seed}")


# --- names --------------------------------------------------------------------------------

NAMED = {
    "en": ("Patient name: {}", "Name: {}", "Patient: {}", "Pt {}", "seen by Dr. {}",
    "Confirmed by: {}"),
    "de": ("Name: {}", "Patient: {}", "Patientin {}", "Befundet von Dr. {}", "Zuweiser: {}",
    "Herr {}"),
    "fr": ("Nom du patient : {}", "Nom: {}", "Patient {}", "Médecin: {}", "Mme {}",
    "validé par: {}"),
    "es": ("Nombre: {}", "Paciente: {}", "Médico: {}", "Nombre y apellidos: {}", "Sra. {}"),
    "it": ("Nome: {}", "Paziente: {}", "Medico: {}", "Dott. {}", "Cognome e nome: {}"),
    "nl": ("Naam: {}", "Patiënt: {}", "Arts: {}", "Mevr. {}", "naam_patient={}"),
    "pt": ("Nome: {}", "Paciente: {}", "Médico: {}", "Nome completo: {}", "Dra. {}"),
    "sv": ("Namn: {}", "Patient: {}", "Läkare: {}", "Patientens namn: {}"),
    "da": ("Navn: {}", "Patient: {}", "Læge: {}", "Patientnavn: {}"),
    "no": ("Navn: {}", "Pasient: {}", "Lege: {}", "pasientens navn = {}"),
    "fi": ("Nimi: {}", "Potilas: {}", "Lääkäri: {}", "Potilaan nimi: {}"),
}  # fmt: skip
SURNAME = {
    "en": "Surname: {}", "de": "Nachname: {}", "fr": "nom_de_famille={}", "es": "Apellidos: {}",
    "it": "Cognome: {}", "nl": "Achternaam: {}", "pt": "Sobrenome: {}", "sv": "Efternamn: {}",
    "da": "Efternavn: {}", "no": "etternavn: {}", "fi": "Sukunimi: {}",
}  # fmt: skip


def names(seed: int) -> Iterator[Text]:
    for language in LANGUAGES:
        one = people(language, seed)
        for template in NAMED[language]:
            yield planted(template, "name", f"{one.first_name()} {one.last_name()}")
        yield planted(SURNAME[language], "name", one.last_name())
        last, first = one.last_name(), one.first_name()
        yield planted("Patient: {}", "name", f"{last}, {first}")
        yield planted("PatientName={}", "name", f"{last.upper()}^{first.upper()}")
        yield planted("{}", "name", f"{first} {last}", where="PatientName")
        yield planted("{}", "name", last, where="name/lastname")
    one = people("en", seed)
    for template in ("Referring physician: {}", "operator: {}", "Technician={}",
    "ReferringPhysicianName: {}",
                     "orderingProvider: Dr. {}", "signed by: {}", "attending_physician: {}",
                     "nurse: {}"):  # fmt: skip
        yield planted(template, "name", f"{one.first_name()[0]}. {one.last_name()}")


# --- dates and ages -----------------------------------------------------------------------

DATED = {
    "en": ("Recorded {}", "Date of birth: {}", "admitted {}"),
    "de": ("Geburtsdatum: {}", "Aufnahme vom {}", "geboren am {}"),
    "fr": ("né le {}", "Date de naissance : {}", "Examen du {}"),
    "es": ("Fecha de nacimiento: {}", "nacido el {}", "Fecha: {}"),
    "it": ("Data di nascita: {}", "nato il {}", "del {}"),
    "nl": ("Geboortedatum: {}", "geboren op {}", "opname {}"),
    "pt": ("Data de nascimento: {}", "nascido em {}", "exame de {}"),
    "sv": ("Födelsedatum: {}", "född {}", "inspelad {}"),
    "da": ("Fødselsdato: {}", "født {}", "optaget {}"),
    "no": ("Fødselsdato: {}", "født {}", "tatt {}"),
    "fi": ("Syntymäaika: {}", "syntynyt {}", "EKG {}"),
}  # fmt: skip
#: As machines write days.
WRITTEN = (
    ("session_{}", "%Y_%m_%d"), ("{}", "%Y-%m-%d"), ("{}", "%d.%m.%Y"), ("{}", "%m/%d/%Y"),
    ("{}", "%d/%m/%Y"), ("{}", "%d-%b-%Y"), ("{}", "%d%b%Y"), ("{}", "%Y.%m.%d"), ("{}",
    "%Y/%m/%d"),
    ("AcquisitionDateTime={}", "%Y%m%d093012"), ("DOB: {}", "%Y%m%d"), ("Birthdate: {}", "%Y%m%d"),
    ("dob={}", "%d%m%Y"), ("DOB {}", "%d/%m/%y"), ("taken {}", "%d.%m.%y"), ("{}", "%y-%m-%d"),
    ("{}", "%B %d, %Y"), ("{}", "%d %B %Y"), ("{}", "%b %d %Y"), ("start={}", "%Y-%m-%dT09:30:12Z"),
    ("s1_{}_01", "%Y%m%d"), ("rec-{}-09-30", "%Y-%m-%d"), ("StudyDate: {}", "%Y%m%d"),
    ("09:30:12 {}", "%d/%m/%Y"), ("seen on {}", "%d %B"), ("{}", "%m/%Y"), ("{}", "%B %Y"),
    ("<birthdate>{}</birthdate>", "%Y-%m-%d"), ('"admission_date": "{}"', "%Y-%m-%d"),
)  # fmt: skip
OLD = {
    "en": ("{} years old", "Age: {} years", "a {}-year-old man", "aged {}", "Age={}", "{} y/o"),
    "de": ("{} Jahre alt", "Alter: {}", "{}-jährige Patientin", "Alter: {} Jahre"),
    "fr": ("âgée de {} ans", "Âge: {} ans", "âge : {}"),
    "es": ("Edad: {}", "{} años de edad", "edad={} años"),
    "it": ("Età: {}", "età: {} anni"),
    "nl": ("Leeftijd: {}", "{} jaar oud", "leeftijd: {} jaar"),
    "pt": ("Idade: {}", "{} anos de idade", "Idade: {} anos"),
    "sv": ("Ålder: {}", "{} år gammal"), "da": ("Alder: {} år", "{} år gammel"),
    "no": ("Alder: {}", "{} år gammel"), "fi": ("Ikä: {}", "{} vuotta vanha", "Ikä: {} v"),
}  # fmt: skip


def dates(seed: int) -> Iterator[Text]:
    of = iter(days(seed, 1000))
    for language, (_, locale) in LANGUAGES.items():
        for template in DATED[language]:
            for width in ("long", "medium"):
                yield planted(template, "date", format_date(next(of), width, locale))
        yield planted(DATED[language][0], "date", format_date(next(of), "short", locale))
    for template, form in WRITTEN:
        yield planted(template, "date", next(of).strftime(form))
        yield planted(template, "date", next(of).strftime(form))
    for where in ("PatientBirthDate", "StudyDate", "age/dateofbirth", "effectiveTime/low@value"):
        yield planted("{}", "date", next(of).strftime("%Y%m%d"), where=where)


def ages(seed: int) -> Iterator[Text]:
    rng = random.Random(f"ages/{seed}")
    for templates in OLD.values():
        for template in templates:
            yield planted(template, "age over 89", str(rng.randrange(90, 108)))
    yield planted("{} M 1085 1629 x1", "age over 89", "94")
    yield planted("Patient age: {}", "age over 89", "097Y")
    yield planted("{}", "age over 89", "091Y", where="PatientAge")
    yield planted("Age (years): {}", "age over 89", "93")
    yield planted("<age>: {}", "age over 89", "90")


# --- numbers ------------------------------------------------------------------------------

#: Published by the issuers, or in their documentation.
EXAMPLES = (
    ("DK", "211062-5629"), ("SE", "811228-9874"), ("SE", "19121212-1212"), ("FI", "131052-308T"),
    ("DE", "86 095 742 719"), ("NL", "1112.22.333"), ("FR", "2 55 08 14 168 025 38"),
    ("ES", "12345678Z"), ("ES", "X1234567L"), ("IT", "RSSMRA85T10A562S"), ("UK", "943 476 5919"),
    ("UK", "401 023 2137"), ("US", "1EG4-TE5-MK73"), ("BR", "390.533.447-05"), ("CH",
    "756.9217.0769.85"),
    ("CN", "11010519491231002X"), ("BE", "85.07.30-033.28"), ("UK", "AB 12 34 56 C"),
)  # fmt: skip
KEYED_EXAMPLES = (
    ("CPR: {}", "2110625629"), ("Steuer-ID: {}", "86095742719"), ("BSN {}", "111222333"),
    ("NHS number {}", "9434765919"), ("PESEL: {}", "44051401359"), ("CPF: {}", "39053344705"),
    ("personnummer: {}", "8112289874"), ("SSN: {}", "123456789"), ("CPR {}", "170537-1234"),
    ("passport no: {}", "C01X00T47"), ("N° de sécurité sociale: {}", "255081416802538"),
    ("fødselsnummer: {}", "31054031907"), ("henkilötunnus: {}", "131052-308T"), ("DNI: {}",
    "12345678-Z"),
)  # fmt: skip
#: Whose numbers Faker makes by the issuer's rule: with the word that stands before them, and bare.
ISSUED: tuple[tuple[str, str, str, bool], ...] = (
    ("en_US", "ssn", "SSN: {}", True), ("fr_FR", "ssn", "NIR: {}", True),
    ("es_ES", "nif", "DNI: {}", True), ("es_ES", "nie", "NIE: {}", True),
    ("it_IT", "ssn", "Codice fiscale: {}", True), ("nl_NL", "ssn", "BSN: {}", False),
    ("pt_BR", "cpf", "CPF: {}", True), ("sv_SE", "ssn", "Personnummer: {}", True),
    ("no_NO", "ssn", "fnr {}", True), ("fi_FI", "ssn", "HETU: {}", True),
    ("zh_CN", "ssn", "ID card: {}", True), ("de_CH", "ssn", "AHV: {}", True),
    ("nl_BE", "ssn", "rijksregisternummer: {}", False), ("pl_PL", "ssn", "PESEL {}", False),
)  # fmt: skip
KEYED = {
    "record number": (
        "MRN: {}", "MRN_{}", "MRN{}", "mrn={}", "MedicalRecordNumber: {}", "medical record no. {}",
        "PatientID: {}", "patient_id: {}", "patientid={}", "Patient ID {}", "AccessionNumber: {}",
        "accession no: {}", "Accession_{}", "case number: {}", "encounter: {}", "hadm_id={}",
        "Order number: {}",
        "Hospital number: {}", "Fallnummer: {}", "Patientennummer: {}", "Patienten-ID: {}",
        "Fall-Nr.: {}",
        "N° de dossier: {}", "IPP: {}", "Numéro patient : {}", "NHC: {}", "Historia clínica: {}",
        "Número de paciente: {}", "Cartella clinica: {}", "ID paziente: {}", "Patiëntnummer: {}",
        "Prontuário: {}",
        "ID do paciente: {}", "Patientnummer: {}", "journalnummer: {}", "Pasientnummer: {}",
        "Potilasnumero: {}",
        "visit_number: {}", "FIN: {}", "CSN {}", "<PatientID>{}</PatientID>",
        '"patientId": "{}"', "Pat.-Nr.: {}",
    ),
    "device": (
        "Device S/N {}", "Serial number: {}", "serialNumber={}", "cart_id: {}", "Cart {}",
        "device id: {}",
        "Device serial no. {}", "machineId: {}", "Seriennummer: {}", "Geräte-Nr.: {}",
        "Numéro de série: {}",
        "Número de serie: {}", "Matricola: {}", "Serienummer: {}", "Número de série: {}",
        "sarjanumero: {}", "SN: {}",
        "asset tag {}", "StationName: {}", "UDI: {}", "recorder_id={}", "pacemaker serial: {}",
    ),
    "insurance number": (
        "Insurance no: {}", "KVNR: {}", "policy number: {}", "Versichertennummer: {}",
        "health plan: {}", "Medicaid {}",
        "subscriber_id: {}", "polisnummer: {}", "N° mutuelle: {}", "beneficiary number: {}",
        "insuranceNumber={}",
        "tarjeta sanitaria: {}", "convênio: {}", "försäkring: {}",
    ),
    "account number": (
        "Account: {}", "account number: {}", "acct {}", "Kontonummer: {}", "billing account: {}",
        "invoice: {}",
        "accountNo={}", "compte: {}", "Cuenta: {}", "conto: {}", "Rekeningnummer: {}",
    ),
    "licence number": (
        "Driver license: {}", "license no {}", "NPI: {}", "DEA: {}", "LANR: {}",
        "certificate number: {}",
        "driversLicense={}", "permis de conduire: {}", "Führerschein: {}", "patente di guida: {}",
        "körkort: {}",
    ),
    "other number": (
        "employee id: {}", "donor: {}", "user_id={}", "Personalnummer: {}", "staff id: {}",
        "clinicianId: {}",
        "operator_id: {}", "member id: {}", "provider id: {}", "student number: {}",
    ),
}  # fmt: skip


def numbers(seed: int) -> Iterator[Text]:
    for _, number in EXAMPLES:
        yield planted("{}", "national number", number)
        yield planted("comment: {} checked", "national number", number)
    for template, number in KEYED_EXAMPLES:
        yield planted(template, "national number", number)
    for locale, issue, key, bare in ISSUED:
        one = faker(locale, f"issued/{seed}")
        yield planted(key, "national number", getattr(one, issue)())
        if bare:
            yield planted("{}", "national number", getattr(one, issue)())
    rng = random.Random(f"numbers/{seed}")
    for kind, templates in KEYED.items():
        for template in templates:
            yield planted(template, kind, code(rng, kind))
    for where in (
        "PatientID",
        "AccessionNumber",
        "generalpatientdata/patientid",
        "AdmissionID",
        "generalpatientdata/MRN",
    ):
        yield planted("{}", "record number", code(rng, "record number"), where=where)
    for where in ("dataacquisition/machine@machineid", "DeviceSerialNumber"):
        yield planted("{}", "device", code(rng, "device"), where=where)


def code(rng: random.Random, kind: str) -> str:
    """A number as a hospital or a maker writes them."""
    digits = "".join(rng.choices("0123456789", k=rng.randrange(5, 9)))
    if kind in ("device", "licence number") and rng.random() < 0.5:
        return f"{rng.choice(('US', 'EKG', 'A', 'SN'))}{digits}"
    return f"00{digits}" if rng.random() < 0.3 else digits if digits[0] != "0" else "7" + digits


# --- contacts, places, the rest -----------------------------------------------------------

CALLED = {
    "en": ("call {}", "phone: {}", "Mobile: {}", "Fax {}"), "de": ("Tel.: {}", "Telefon {}",
    "Handy: {}"),
    "fr": ("Tél.: {}", "téléphone : {}"), "es": ("Teléfono: {}", "móvil: {}"), "it": ("Tel. {}",
    "Cellulare: {}"),
    "nl": ("Telefoon: {}", "mobiel: {}"), "pt": ("Telefone: {}", "celular: {}"),
    "sv": ("Telefon: {}", "mobil: {}"), "da": ("Tlf. {}", "telefon: {}"), "no": ("Tlf: {}",
    "mobil: {}"),
    "fi": ("Puh. {}", "puhelin: {}"),
}  # fmt: skip
#: As subscribers of real plans write them, with nothing beside; no such line is known to exist.
BARE_PHONES = (
    "+46 70 123 45 67", "+49 30 901820", "+44 7700 900123", "07700 900123", "01 42 68 53 00",
    "(212) 555-0143",
    "212-555-0143", "+1 212 555 0143", "+33 1 42 68 53 00", "0171/2345678", "+39 06 6982 1234",
    "+31 20 794 0800",
    "+34 912 345 678", "(11) 91234-5678", "+45 32 12 34 56", "+47 22 12 34 56", "+358 9 1234 567",
    "030 901820",
)  # fmt: skip
LIVED = {
    "en": ("Address: {}", "lives at {}"), "de": ("Anschrift: {}", "wohnt {}"),
    "fr": ("Adresse: {}",),
    "es": ("Dirección: {}",), "it": ("Indirizzo: {}",), "nl": ("Adres: {}",),
    "pt": ("Endereço: {}",),
    "sv": ("Adress: {}",), "da": ("Adresse: {}",), "no": ("Adresse: {}",), "fi": ("Osoite: {}",),
}  # fmt: skip
POSTAL = {
    "en": "ZIP {}", "de": "PLZ: {}", "fr": "Code postal: {}", "es": "Código postal: {}",
    "it": "CAP: {}",
    "nl": "Postcode: {}", "pt": "CEP: {}", "sv": "Postnummer: {}", "da": "postnummer {}",
    "no": "Postnr: {}",
    "fi": "Postinumero: {}",
}  # fmt: skip
TOWN = {
    "en": "City: {}", "de": "Wohnort: {}", "fr": "Ville: {}", "es": "Ciudad: {}", "it": "Città: {}",
    "nl": "Woonplaats: {}", "pt": "Cidade: {}", "sv": "Ort: {}", "da": "By: {}",
    "no": "Poststed: {}",
    "fi": "Kaupunki: {}",
}  # fmt: skip
HOUSES = (
    ("Institution: {}", "St. Elsewhere Hospital, Vienna"), ("Hospital: {}", "Galliera"),
    ("Clinic: {}", "Nordklinik"),
    ("InstitutionName={}", "E. O. Ospedali Galliera"), ("Krankenhaus: {}", "St. Anna"),
    ("Hôpital: {}", "Saint-Louis"),
    ("Ospedale: {}", "San Carlo"), ("Ziekenhuis: {}", "Sint Lucas"), ("Sjukhus: {}",
    "Sahlgrenska"), ("Ward: {}", "7B"),
    ("Abteilung: {}", "W12"), ("facility: {}", "River City Clinic"), ("Sairaala: {}", "Meilahti"),
    ("Sykehus: {}", "Ullevål"), ("Klinik: {}", "Charité Mitte"), ("hospital_name: {}",
    "Mercy West"),
    ("room {}", "412"), ("Department: {}", "Haus Lindenhof"), ("Place of birth: {}", "Turin"),
)  # fmt: skip
STREETS = (
    "Elm Road 4", "12 Elm Street", "Hauptstraße 12", "12 rue de la Paix", "Via Roma 3",
    "Calle Mayor 5",
    "Kerkstraat 12", "Storgatan 5", "Vestergade 14", "Karl Johans gate 22", "Mannerheimintie 8",
    "Rua Augusta 1508",
    "1600 Pennsylvania Avenue", "SW1A 1AA", "EC2A 4NE", "Boston, MA 02139",
)  # fmt: skip


def contacts(seed: int) -> Iterator[Text]:
    rng = random.Random(f"contacts/{seed}")
    for language in LANGUAGES:
        one = people(language, seed)
        for template in CALLED[language]:
            yield planted(template, "phone", one.phone_number().split("x")[0])
        yield planted("mail {}", "mail", one.ascii_email())
        yield planted("E-Mail: {}", "mail", one.ascii_safe_email())
        yield planted("see {} for more", "web address", one.url())
        for template in LIVED[language]:
            yield planted(template, "place", one.street_address().replace("\n", ", "))
        yield planted(POSTAL[language], "place", one.postcode())
        yield planted(TOWN[language], "place", one.city())
    for number in BARE_PHONES:
        yield planted("{}", "phone", number)
    for template, house in HOUSES:
        yield planted(template, "place", house)
    for street in STREETS:
        yield planted("{}", "place", street)
    en = people("en", seed)
    for template in ("IP: {}", "ip_address={}", "host {}", "from ip {}", "IP address {}",
    "client: {}", "server={}",
                     "IPv4 {}", "remote host {}", "ipAddress: {}"):  # fmt: skip
        yield planted(template, "ip address", en.ipv4())
    for template in ("IBAN {}", "{}"):
        for language in ("de", "fr", "es", "it", "nl"):
            yield planted(template, "account number", people(language, seed).iban())
    for template in ("VIN: {}", "vehicle: {}", "Kennzeichen: {}", "license plate {}",
    "kenteken: {}", "targa: {}", "matrícula: {}",
                     "immatriculation: {}", "numberPlate={}", "placa: {}"):  # fmt: skip
        yield planted(
            template, "vehicle", f"{rng.choice(('HH', 'AB', 'XK'))}-{rng.randrange(1000, 9999)}"
        )
    for template in ("fingerprint: {}", "Fingerabdruck: {}", "iris={}", "voiceprint: {}",
    "huella: {}", "empreinte: {}", "biometric_id: {}",
                     "DNA: {}", "genotype: {}", "retina scan: {}"):  # fmt: skip
        yield planted(template, "biometric", f"a{rng.randrange(10**5, 10**6)}f")
    for template in ("photo: {}", "Portrait: {}", "foto={}", "patient photo: {}", "Lichtbild: {}",
    "face image: {}", "pasfoto: {}",
                     "photograph: {}", "picture: {}", "selfie={}"):  # fmt: skip
        yield planted(template, "photo", f"img_{rng.randrange(10**3, 10**4)}.jpg")
    for address in ("00:1B:44:11:3A:B7", "a4-83-e7-2c-11-09"):
        yield planted("recorder {}", "device", address)


# --- columns ------------------------------------------------------------------------------

#: Names of columns, and what stands in their cells.
COLUMNS: dict[str, tuple[tuple[str, ...], Callable[[Faker, random.Random], str]]] = {
    "name": (
        ("Patient Name", "PatientName", "patientName", "Full Name", "Name of patient", "Nachname",
        "familienname", "nom_patient", "Apellidos",
         "Cognome", "achternaam", "NomeCompleto", "Efternamn", "efternavn", "sukunimi",
         "Referring doctor", "last_name", "surname", "nurse_name", "NAME"),
        lambda one, rng: one.name(),
    ),
    "record number": (
        ("MedicalRecordNo", "patient_identifier", "MRN", "PatientID", "pat_id", "Fallnummer",
        "accession_number", "hadm_id", "NumeroDossier", "id_paciente",
         "patientnummer", "hospitalNumber"),
        lambda one, rng: f"{rng.randrange(10**6, 10**7):08d}",
    ),
    "date": (
        ("Date of Birth", "dob", "Geburtstag", "birthDate", "fecha_nacimiento", "ecg_time",
        "recording_date", "dataNascita", "AdmitTime", "geboortedatum"),
        lambda one, rng: days(rng.randrange(10**6), 1)[0].strftime("%d.%m.%y"),
    ),
    "phone": (("Mobile", "Telefon", "phoneNumber", "tel_no", "teléfono", "Fax"),
    lambda one, rng: one.phone_number()),
    "mail": (("e-mail", "EmailAddress", "correo"), lambda one, rng: one.ascii_email()),
    "place": (
        ("Street", "City", "home_address", "Wohnort", "postalCode", "ciudad", "Hospital",
        "institution_name"),
        lambda one, rng: one.city(),
    ),
    "national number": (("SSN", "Personnummer", "social_security_number", "codice_fiscale"),
    lambda one, rng: one.ssn()),
    "device": (("SerialNumber", "cart_id", "device_serial", "Seriennummer"),
    lambda one, rng: f"{rng.randrange(10**5, 10**7)}"),
}  # fmt: skip


def columns(seed: int) -> Iterator[Cells]:
    rng = random.Random(f"columns/{seed}")
    for kind, (called, cell) in COLUMNS.items():
        for place, name in enumerate(called):
            one = people(list(LANGUAGES)[place % 6], seed + place)
            if kind == "national number":
                one = people("en", seed + place)
            yield Cells(name, tuple(cell(one, rng) for _ in range(24)), kind)


# --- what only looks like an identifier -----------------------------------------------------

EPONYMS = (
    "Wolff-Parkinson-White syndrome", "Wolff Parkinson White pattern", "Brugada type 1",
    "Mobitz II", "AV block, Mobitz type I (Wenckebach)",
    "Holter recording, 24 h", "Lead I (Einthoven)", "Goldberger leads", "Wilson central terminal",
    "QTc Bazett 412 ms", "QTc by Fridericia: 405 ms",
    "Lown-Ganong-Levine", "Osler nodes", "Chagas disease", "Chagas cardiomyopathy",
    "Frank leads X Y Z", "Sokolow-Lyon index 3.6 mV", "Cornell voltage 2.4 mV",
    "Sgarbossa criteria negative", "Wellens syndrome", "Romhilt-Estes score 4",
    "Prinzmetal angina", "Stokes-Adams attack", "Jervell and Lange-Nielsen",
    "Romano-Ward", "Purkinje fibres", "Bundle of His", "Bundle of Kent", "Killip class II",
    "Bruce protocol, stage 3", "Mason-Likar placement",
    "Butterworth filter, order 4", "Minnesota code 7-1-1", "Selvester score 5",
    "Pan-Tompkins detector", "Cabrera sign", "Dressler beat", "Ashman phenomenon",
    "Kawasaki disease", "Marfan syndrome", "Tetralogy of Fallot", "Ebstein anomaly", "Osborn wave",
    "Fabry disease", "Noonan syndrome", "Nehb leads", "Welch Allyn",
    "Doppler 2.1 m/s", "Hodges 410", "Framingham 398", "Valsalva", "Cheyne-Stokes",
    "Down syndrome", "Turner syndrome", "Swan-Ganz catheter",
)  # fmt: skip
STATEMENTS = (
    "Sinus rhythm", "Sinus bradycardia", "Normal ECG", "Abnormal ECG", "Left axis deviation",
    "Right bundle branch block", "Left anterior fascicular block",
    "Atrial fibrillation with rapid ventricular response", "ST elevation, probably due to LVH",
    "Nonspecific T wave abnormality", "Early repolarization", "Low voltage QRS",
    "Borderline ECG", "Marked Sinus Bradycardia", "Possible Left Atrial Enlargement",
    "Inferior Infarct, Age Undetermined", "Poor R Wave Progression", "PROLONGED QT",
    "MARKED ST ABNORMALITY", "LEFT VENTRICULAR HYPERTROPHY", "- OTHERWISE NORMAL ECG -",
    "Unconfirmed Diagnosis", "*** Poor data quality ***", "Pacemaker Rhythm",
    "Sinusrhythmus, Linkstyp, normales EKG", "Vorhofflimmern mit schneller Überleitung",
    "Kompletter Rechtsschenkelblock", "Verdacht auf Linksherzhypertrophie", "Steiltyp",
    "alter unbest. inferiorer Infarkt", "Rythme sinusal", "Bloc de branche droit complet",
    "ECG normal", "Fibrillation auriculaire", "Hypertrophie ventriculaire gauche",
    "Ritmo sinusal", "Bloqueo de rama derecha", "Hipertrofia ventricular izquierda", "ECG normale",
    "RITMO SINUSALE", "Blocco di branca destra", "Fibrillazione atriale",
    "Sinusritme", "Linkerbundeltakblok", "Boezemfibrilleren",
    "Ritmo sinusal, bloqueio de ramo direito", "Fibrilação atrial", "Sinusrytm", "Förmaksflimmer",
    "Vänstergrenblock",
    "Sinusrytme", "Atrieflimren", "Høyre grenblokk", "Sinusrytmi", "Eteisvärinä",
    "Oikea haarakatkos", "Dr. response good", "The PVCs are multiform",
    "There is first degree AV block.", "Mild mitral regurgitation", "Coronary artery disease",
    "Digoxin, Hydrochlorthiazide, Inderal, KCl", "Aldomet, Inderal", "Smoker: no",
    "Peripheral blood Pressure (syst/diast): 140/80 mmHg",
    "Reason for admission: Myocardial infarction", "Additional diagnoses: Diabetes mellitus",
    "Ventriculography: Akinesia inferior wall",
    "Electric axis of the heart: left axis deviation.",
    "Non-specific repolarization abnormalities: posterior wall.", "Patient: stable",
    "Patient in supine position", "patient at rest",
    "Operator: automatic", "Reader: algorithm", "Name: unknown", "PatientName: Anonymous",
    "MRN: removed", "Patient ID: ---", "DOB: n/a", "Phone: none", "Address: unknown",
    "Nachname: unbekannt",
    "Ward: unknown", "Institution: n/a", "Physician: xxx", "Recorder type: ICR model 7200",
    "Catheterization: none", "Rx: Unknown", "may be due to ischaemia",
    "confirmed by echocardiography",
    "confirmed by Holter", "reviewed by algorithm", "Dr response", "HR 72, PR 160", "Mean HR: 64",
    "MS: mitral stenosis", "Mr severity: mild", "Referred for chest pain", "Technician: none",
    "No previous ECG available", "since previous tracing", "as compared with the last record",
    "Age: 54", "Age: 89", "age: 7 months", "Age: >89", "Age: 90+", "Age: >65", "aged 72 years",
    "91 bpm", "QRS axis 95 degrees", "QT 391 ms, QTc 412 ms", "95 % confidence", "91 ms",
    "Heart rate 103", "100 years of ECG", "gestational age: 39 weeks", "Sex: M", "Sex: weiblich",
)  # fmt: skip
SIGNALS = (
    "I, II, III, aVR, aVL, aVF, V1, V2, V3, V4, V5, V6", "12-lead", "V1-V6",
    "leads V3R V4R V7 V8 V9", "MLII", "ECG I filtered", "16 1000/mV 16 0 -254 21756 0 II",
    "00001_lr.dat 16 1000.0(0)/mV 16 0 -119 1508 0 I",
    "JS00001.mat 16x1+24 1000/mV 16 0 -254 21756 0 I", "212 200 11 1024 995 -22131 0 MLII",
    "5000 samples", "500 Hz, 10 s, 5000 samples per lead",
    "gain 200 adu/mV", "baseline 1024", "checksum 21756", "checksum: 83648512", "0.05-150 Hz",
    "filter 0.5-40 Hz", "notch 50 Hz", "25 mm/s 10 mm/mV", "resolution 4.88 uV",
    "sampling rate 1000",
    "MDC_ECG_LEAD_AVR", "5.6.3-9-61", "1.3.6.1.4.1.20029.40", "2.16.840.1.113883.6.12",
    "version 4.10.2", "v2.10.13", "WFDB 10.6.2", "software: 1.12.03", "firmware 20.4.2",
    "ISO_IR 100", "ICD-10: I48.0",
    "Dx: 426783006", "Dx: 164934002,426783006,59118001", "SNOMED 164889003", "LOINC 21612-7",
    "CPT 93000", "LAST_UPDATE", "69 M 1085 1629 x1", "-1 M 742 654 x1", "72 F 750 1629 x1",
    "Produced by xform from record 100, beginning at 7:00.000", "beginning at 1:35:00.000",
    "0:10:24", "10:44:18.529", "09:30", "duration 00:00:10", "offset 16+24", "128/80", "2:1 block",
    "3/4 beats",
    "1/2 normal", "ratio 12/30", "bigeminy 8/20", "PR 0.16 s", "-30 degrees", "axis 45/60/30",
    "rr 800 812 795", "12 34 56", "1 2 3 4 5 6", "x=10.5 y=20.25", "BP 120/80, HR 72",
    "QRS 96 ms. In lead V5: R is 1.2 mV",
    "sha256:9f86d081884c7d659a2feaa0c55ad015", "md5 d41d8cd98f00b204e9800998ecf8427e",
    "doi:10.13026/C2J01F", "urn:hl7-org:v3", "http://www.w3.org/2001/XMLSchema-instance",
    "https://physionet.org/content/ptb-xl/1.0.3/",
    "records100/00000/00001_lr", "data/150", "Person_01/rec_2", "sel100", "A0001", "JS20000",
    "HR00001", "data_8_2", "s0010_re", "mit-bih/100.dat", "exams_part13.hdf5", "fold 10",
    "batch 1024", "seed 42", "split 80/10/10",
    "(AFIB", "(N", "AT2-300", "(ST1-", "+ 0.2 mV", "16 bit", "2 x 12 channels", "10 s strip",
    "NaN", "None", "n = 18885", "AUC 0.93 (0.91-0.95)", "p < 0.001", "1e-4 V", "4096 samples",
    "400 Hz",
)  # fmt: skip
#: PTB-XL's, CODE-15 %'s and MIMIC-IV-ECG's own columns, and others of ECG tables, that name nobody.
ORDINARY_COLUMNS: dict[str, Sequence[str]] = {
    **dict.fromkeys(("sex", "is_male", "RBBB", "LBBB", "SB", "ST", "AF", "1dAVb", "death",
    "normal_ecg", "validated_by_human", "second_opinion",
        "initial_autogenerated_report", "in_hospital_death", "hospital_expire_flag", "email_sent",
        "mobile_device", "address_confirmed", "has_name", "phone_available", "patient_died",
        "birth_defect"), ("0", "1")),
    **dict.fromkeys(("height", "weight", "nn_predicted_age", "rr_interval", "p_onset", "p_end",
    "qrs_onset", "qrs_end", "t_end", "p_axis", "qrs_axis", "t_axis", "timey", "birth_weight",
        "room_temperature", "time_to_event", "ward_days", "city_population", "date_precision",
        "n_patients"), ("170.5", "63.2", "88.0", "120.7")),
    **dict.fromkeys(("strat_fold", "fold", "nurse_count", "visit_count", "device_count",
    "name_length", "n_leads", "number_of_beats", "hospital_days", "day_count"), ("1", "2", "3",
    "10")),
    **dict.fromkeys(("filename_lr", "filename_hr", "file_name", "path", "trace_file",
    "record_name"), ("records100/00000/00001_lr", "records100/00000/00002_lr")),
    **dict.fromkeys(("lead_name", "channel_name", "signal_name", "electrode_name"), ("II", "V1",
    "aVR")),
    **dict.fromkeys(("report_0", "report_1", "report_17", "report", "diagnosis_name", "test_name",
    "class_name", "label_name"), ("Sinus rhythm", "Normal ECG", "Left axis deviation")),
    **dict.fromkeys(("device", "device_type", "device_model", "manufacturer_name"), ("CS-12   E",
    "AT-6 C 5.5", "AT-60    3")),
    **dict.fromkeys(("bandwidth", "filtering", "heart_axis", "infarction_stadium1",
    "infarction_stadium2", "scp_codes", "extra_beats", "pacemaker", "baseline_drift",
    "static_noise",
        "burst_noise", "electrodes_problems", "admission_type", "phone_type", "contact_type",
        "site_of_infarct", "location_of_lesion", "drug_name", "study_name", "protocol_name",
        "column_name", "database_name"), ("unknown", "LAD", "anterior", "type A")),
    **dict.fromkeys(("update", "candidate", "mandate", "wardrobe", "nominal", "addressable"), ("a",
    "b", "c")),
}  # fmt: skip


#: Where `<40,180>` stands, a number of that range does.
ROLLED = (
    "samples <-3000,3000> <-3000,3000>",
    "samples <-999,3000> <-999,3000> <99,3000> <99,3000> <1000,3000> <1000,3000>",
    "rec.dat 16 <100,5000>/mV 16 0 <-999,999> <-32768,32767> 0 V<1,7>",
    "HR <40,180> bpm, PR <90,300> ms, QRS <70,180> ms, QT <300,520> ms",
    "Dx: <42000000,713426002>,<42678300,42678309>",
    "Age: <1,90>",
    "gain <100,9999>.<0,99> baseline <-9999,9999>",
    "<1000,60000> samples at <250,1000> Hz",
)


def lookalikes(seed: int) -> Iterator[Text]:
    """Texts that name nobody."""
    lines = (*EPONYMS, *STATEMENTS, *SIGNALS)
    return ordinary_texts(lines, ROLLED, 35, f"lookalikes/{seed}")


def ordinary_columns() -> Iterator[Cells]:
    for name, values in ORDINARY_COLUMNS.items():
        yield Cells(name, tuple(values) * 6)
    own = tuple(str(n) for n in range(10_000_032, 10_000_056))
    yield Cells("patient_id", tuple(f"{n}.0" for n in own), known=own)
    yield Cells("subject_id", own, known=own)
    yield Cells("exam_id", own, known=own)
    yield Cells("ecg_id", tuple(map(str, range(1, 25))))


def texts(seed: int = 0) -> list[Text]:
    """All planted texts."""
    return [one for make in (names, dates, ages, numbers, contacts) for one in make(seed)]

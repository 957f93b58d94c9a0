"""The words, units and marks by which `signal.claims` reads what texts claim."""

from __future__ import annotations


def _all(words: str) -> frozenset[str]:
    return frozenset(words.split())


#: What is measured, its unit, and what it is called. A corrected QT is Bazett's where a text does
#: not say whose, as on most recorders. The first row with a name is what it means without a unit.
CALLED = (
    (
        "heart rate", "1/min",
        "heart rate|hr|ventricular rate|vent rate|vent. rate|ventr. rate|v rate|v. rate|v-rate|"
        "pulse rate|pulse|rate|ventricular response|ventricular response rate|cardiac frequency|"
        "bpm|sinus at|sinus @|sinus rhythm|sinus rhythm at|sinus rhythm @|rhythm at|"
        "bradycardia at|tachycardia at|fibrillation at|flutter at|nsr|nsr at|nsr @|sr|sr at|sr @|"
        "sinus tach|sinus brady|"
        "sinus tachycardia|sinus bradycardia|afib|af|svt|hf|herzfrequenz|frequenz|sinusrhythmus|"
        "frekvens|hjärtfrekvens|puls|sinusrytm|hartfrequentie|hartslag|fc|frequentie|"
        "frecuencia|fréquence|frequenza|frequência|"
        "frecuencia cardiaca|frecuencia cardíaca|fréquence cardiaque|frequenza cardiaca|"
        "frequência cardíaca|f.c.|h.r.|hjertefrekvens|freq|freq.|rvr|vr",
    ),
    ("RR", "ms", "rr|r-r|cycle length"),
    ("PR", "ms", "pr|p-r|pq|p-q|pri|ipr|ipq|pq-zeit"),
    ("QRS", "ms", "qrs|qrsd|qrs d|qrs-d|qrsdur|qrs-dauer|qrs-breite"),
    ("QT", "ms", "qt|q-t|iqt|qt-zeit"),
    (
        "QTc Bazett", "ms",
        "qtc|qt-c|qt c|q-tc|qtcb|qtc-b|qtc b|qtc (b)|qtc bazett|qtc (bazett)|qtcbaz|bazett qtc|"
        "corrected qt|qt corrected|qt (corrected)|qtc-zeit|corrected",
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
    (
        "QRS axis", "deg",
        "axis|axes|qrs|r|axis deviation|achse|herzachse|lagetyp|axel|elaxel|hartas|eje|axe|asse|"
        "eixo|aqrs|âqrs|sâqrs|saqrs",
    ),
    ("T axis", "deg", "t|t wave|t-wave"),
    *((wave, "mV", f"{wave}|{wave} wave|{wave}-wave".lower()) for wave in "PQRST"),
    ("ST", "mV", "st|st segment|st-segment"),
)  # fmt: skip
#: Names of several quantities, whose numbers follow in that order.
TOGETHER = {
    ("P axis deg", "QRS axis deg", "T axis deg"): "p-r-t|p-qrs-t|p/r/t|p/qrs/t|p,qrs,t|prt",
    ("QT ms", "QTc Bazett ms"): "corrected qt/qtc",
    ("QTc Bazett ms", "QTc Fridericia ms"): "qtc (bazett/fridericia)|qtc bazett/fridericia|"
    "qtc b/f|qtc (b/f)|qtcb/f",
}
#: What a second number behind a slash is where only the first is named.
SECOND = {"QT": "QTc Bazett"}
#: A name of several quantities without a unit is none, but of an axis behind that word.
NEED_UNIT = (
    "p|t|st|q|r|s|st segment|st-segment|p wave|p-wave|q wave|q-wave|r wave|r-wave|s wave|s-wave|"
    "t wave|t-wave|lagetyp|sinus rhythm|sinusrhythmus|sinusrytm"
)
UNDER_AXIS = {("p",), ("qrs",), ("r",), ("t",)}
#: A rate of its own only behind a mark, a number or one of these.
WEAK = _all("rate frequenz frekvens frequentie frecuencia fréquence frequenza frequência")
RHYTHMS = _all(
    "a the with at and or now sinus rhythm bradycardia tachycardia fibrillation flutter arrhythmia "
    "regular irregular mean average overall resting ecg ekg rapid slow controlled its is has of "
    "normal about approximately mit à med von sinustachykardie sinusbradykardie"
)

UNITS = {
    "ms": "ms|msec|msecs|msek|m sec|millisecond|milliseconds|milli seconds|millisec|millisekunden|"
    "millisekunder|mseg|milisegundos|millisecondes|millisecondi",
    "s": "s|sec|secs|second|seconds|sek|sekunden|sekunder|seg|segundos|secondes|secondi",
    "1/min": "1/min|bpm|b.p.m.|/min|/minute|/m|beats/min|beats/minute|beats per minute|"
    "beats per min|beats a minute|per minute|per min|b/min|min-1|pro minute|"
    "schläge/min|slag/min|slagen/min|lpm|latidos/min|lat/min|latidos por minuto|por minuto|"
    "battements/min|bat/min|batt/min|battiti/min|par minute|par min|al minuto|pr. min|"
    "a minute|x min|x'|/'",
    "deg": "°|º|˚|deg|degs|degree|degrees|grad|grader|graden|grados|graus|gradi|degrés",
    "mV": "mv|millivolt|millivolts",
    "µV": "µv|uv|μv|microvolt|microvolts",
}
#: What can be nothing but a heart rate.
BEATS = _all("bpm b beats schläge slag slagen lpm latidos lat battements bat batt battiti")
#: A number before one of these is of something else.
FOREIGN = _all(
    "mm cm % hz mmhg mg ml kg y yr yrs year years month months day days week weeks hour "
    "hours h min mins minute minutes beats leads lead views x times joules watt watts mets g l th "
    "st nd rd points ng pg mmol pvcs pacs khz mhz am pm "
    "patients subjects participants people cases records ± º° µg units boxes squares"
)
#: Words and marks between a name and its number; behind the first ones a unit is known.
KINDS = {
    **dict.fromkeys(("axis", "axes", "axel", "achse"), "deg"),
    **dict.fromkeys(
        _all(
            "interval intervals int duration durations dur intervall intervalo intervalle "
            "intervallo dauer breite zeit tid bredd duración durée durata"
        ),
        "ms",
    ),
}
BETWEEN = KINDS.keys() | _all(
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
    "slows improved improves changed changes lengthened up "
    "down now unchanged à as unit units “ ” „ « » ` • · {"
)
ABBREVIATED = {"int", "dur", "approx", "ca", "avg", "."}
#: Words before a name that make its number no measurement of this recording: a limit, an earlier
#: ECG, another rate.
OTHERS = _all(
    "atrial vorhof flutter maximum maximal max minimum peak pacing pacemaker respiratory "
    "respiration breathing sampling sample non paper sweep infusion filtration "
    "sedimentation fetal programmed vvi vvir ddd dddr aai aair compressions cadence steps "
    "slowest fastest lowest highest lägsta högsta mínima mínimo máxima máximo niedrigste höchste "
    "minima massima minimale maximale laagste hoogste ventilator backup pvc pac pvcs pacs p"
)
#: The same up to three words before it.
OTHERS_NEAR = _all(
    "target predicted prior previous previously former formerly earlier old upper lower limit "
    "threshold cutoff criterion criteria goal reference if when unless increase increment change "
    "difference corrected should aim keep maintain hold notify father mother brother sister son "
    "daughter train training zone detection therapy"
)
#: Before a number: it is a bound.
BOUNDS = _all("< > ≤ ≥ than over under above below exceeds exceeding beyond least most")
#: Behind a number and its unit: it is a difference.
DIFFERENCES = _all("longer shorter more less wider narrower faster slower higher lower")
#: Beside a number in a minute: it is of something else than the heart.
BREATHS = _all("rr breaths breath breathing resp af")
#: Between a name and its number stands any word but these, where a unit tells that it is its own.
STOPS = (
    OTHERS
    | OTHERS_NEAR
    | BOUNDS
    | _all(
        "+ plus pause pauses refractory coupling delay "
        "variability reserve recovery dispersion ratio index sum "
        "sensing sensed sensitivity segment angle reach reaches"
    )
) - {"p", "corrected"}
#: An ECG of another day, as "prior tracing".
EARLIER = _all("prior previous previously former earlier old last")
TRACINGS = _all(
    "tracing tracings ecg ecgs ekg ekgs study recording trace visit admission exam encounter"
)
OTHER_DAYS = _all("yesterday previously earlier gestern hier ayer ieri")
MONTHS = _all(
    "january february march april may june july august september october november december"
)
COMPARED, LIMITS = _all("compared comparison versus vs"), _all("limit limits cutoffs thresholds")
TODAY = _all("today now current currently this present")
#: Whose correction of a QT it is.
FORMULAS = {
    "bazett": "QTc Bazett", "fridericia": "QTc Fridericia", "hodges": "QTc Hodges",
    "framingham": None,
}  # fmt: skip
#: What a rate of no name is taken for the heart's.
OWN_RATE = (30, 250)
EXTREMES, MEANS = _all("min minimum lowest max maximum highest"), _all("mean average avg")
#: A wave of more, mV, is not of the body's surface.
WAVE_MV = 8.0
SIGNS = _all("/ √ * × ÷ ^ ( ) + - − sqrt")
SQUARES = _all("square squares box boxes")
BY = _all("by with using per nach according")
#: A height that is below the line.
DOWN = _all("depression depressed depressions")
#: A range behind one of these is anybody's.
NORM = _all("normal reference typical usual expected textbook healthy")
NORMS = _all("range ranges values limits intervals")
#: These, too.
TEXTBOOK = {
    "heart rate": {(60, 100), (50, 100)}, "PR": {(120, 200), (110, 210)},
    "QRS": {(60, 100), (70, 100), (80, 100), (70, 110), (80, 110), (60, 120), (70, 120), (80, 120)},
    "QT": {(350, 450), (350, 440), (360, 440)}, "QTc Bazett": {(350, 450), (350, 440), (360, 440)},
    "P duration": {(80, 120), (60, 120)}, "RR": {(600, 1000), (600, 1200)},
    "QRS axis": {(-30, 90), (-30, 100), (0, 90)},
}  # fmt: skip
RANGE, MINUS = {"-", "–", "—", "→", "to", "bis", "until", "auf"}, {"-", "−", "–", "minus"}
#: "from 172 ms to 112 ms": a range, but behind one of these, the second.
CHANGED = _all(
    "increased increases increasing decreased decreases decreasing prolonged shortened shortens "
    "widened widens widening narrowed narrows narrowing accelerates accelerated accelerating rises "
    "rising rose falls falling fell slowed slows improved improves changed changes lengthened up "
    "down → auf langsamer schneller"
)
VARIES = _all("range ranges ranging ranged varies varied varying fluctuates fluctuating is was")
CLAUSE_ENDS = {*".,;()|\n"}

#: What a number without a unit has to be to be one of the quantity.
PLAUSIBLE = {
    "heart rate": (20, 350), "RR": (250, 3000), "PR": (60, 600), "QRS": (40, 300),
    "QT": (180, 900), "QTc Bazett": (180, 900), "QTc Fridericia": (180, 900),
    "QTc Hodges": (180, 900), "P duration": (30, 250), "T duration": (50, 400),
    "P axis": (-180, 360), "QRS axis": (-180, 360), "T axis": (-180, 360),
}  # fmt: skip
#: Tokens between a name and its number, names in a group, numbers in a row, digits: not more.
APART, IN_A_GROUP, IN_A_ROW, DIGITS = 12, 8, 64, 7
#: Letters of a word that is known with one of them wrong.
LONG = 8

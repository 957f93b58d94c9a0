"""Texts in forms that were met elsewhere, with other numbers: not those of `paraphrases`.

`FIRST` was written when `signal.claims` was finished and had seen `paraphrases` alone, `SECOND`
when what `FIRST` had shown was mended. `THIRD`, `FOURTH` and `FIFTH` were written by one who had
not seen the parser; each was counted once before it was looked at, when what the ones before it had
shown was mended. Each is a text and what it claims, or leaves the recorder's.
"""

from __future__ import annotations

from tests.signal.paraphrases import Said

HR, RR, PR, QRS, QT = "heart rate 1/min", "RR ms", "PR ms", "QRS ms", "QT ms"
QTC, QTF, P = "QTc Bazett ms", "QTc Fridericia ms", "P duration ms"
PA, AX, TA = "P axis deg", "QRS axis deg", "T axis deg"

FIRST = (
    Said(
        "     VENT RATE: 084        PR INTERVAL: 138       QRS DURATION: 128\n"
        "     QT: 392               QTC: 459\n"
        "     P AXIS: 61            R AXIS: 72             T AXIS: -14\n\n"
        "INSTRUMENT DX:  Normal sinus rhythm\n   Lateral infarct (cited on or before 31-JUL-2000)",
        ((HR, 84), (PR, 138), (QRS, 128), (QT, 392), (QTC, 459), (PA, 61), (AX, 72), (TA, -14)),
    ),
    Said(
        "The QTc interval, which is the QT interval corrected to a rate of 60 bpm, is prolonged at "
        "552 ms.",
        ((QTC, 552),),
    ),
    Said(
        "The rhythm is regular at a rate of 118 beats/min. The QRS complexes are wide (0.16 sec) "
        "and there is a prominent R' in V2-V3.",
        ((HR, 118), (QRS, 160)),
    ),
    Said("The QT/QTc intervals appear prolonged (410 msec/560 msec).", ((QT, 410), (QTC, 560))),
    Said("The corrected QT/QTc is normal (330 msec/440 msec).", ((QT, 330), (QTC, 440))),
    Said("The axis is extremely leftward, between -30° and -90°.", ((AX, -60),)),
    Said(
        "NSR at 63 bpm, QRS duration 78 ms, PRI 142 ms, QTc 405.",
        ((HR, 63), (QRS, 78), (PR, 142), (QTC, 405)),
    ),
    Said(
        "The QRS complex is slightly wide at 114 ms (.11 seconds). The PR interval is .18 seconds",
        ((QRS, 114), (PR, 180)),
    ),
    Said(
        "sinus rhythm with a rate of 41. The normal rate is 60-100, so this is slow.", ((HR, 41),)
    ),
    Said(
        "The normal PR interval is 120-200 ms, and this PR is 152, which is normal.", ((PR, 152),)
    ),
    Said("The rate (average 66 bpm) is normal.", ((HR, 66),)),
    Said(
        "Her ECG shows sinus tachycardia at 124/minute, QRS 94 ms and QTc 476 ms.",
        ((HR, 124), (QRS, 94), (QTC, 476)),
    ),
    Said("QRS duration narrows from 172 ms to 112 ms on telemetry.", ((QRS, 112),)),
    Said("Heart rate accelerates from 46 to 70/min after calcium.", ((HR, 70),)),
    Said("Resting nocturnal heart rates averaging 52-58 bpm during deep sleep.", ((HR, 55),)),
    Said("maximum HR 172 bpm, 98% predicted", ()),
    Said(
        "PR interval 146 ms, QRS duration 84 ms, QTc 421 ms; absence of pauses > 2.0 seconds.",
        ((PR, 146), (QRS, 84), (QTC, 421)),
    ),
    Said(
        "Normal sinus rhythm. Rate 74 bpm. PR interval 164 ms. QRS duration 90 ms. QT interval "
        "376 ms. No ST-T changes.",
        ((HR, 74), (PR, 164), (QRS, 90), (QT, 376)),
    ),
    Said("A PR interval of 0.22s is 1st degree block", ((PR, 220),)),
    Said(
        "a shortened PR interval of 96 ms, a slurred upstroke and widening of the QRS complex to "
        "136 ms.",
        ((PR, 96), (QRS, 136)),
    ),
    Said(
        "Count the PR interval in small squares: > 5 small squares (> 200ms) = 1st degree block", ()
    ),
    Said("there is a short PR interval of < 120 ms", ()),
    Said(
        "sedimentation rate is 72 mm/hour. Electrocardiography shows sinus tachycardia with a PR "
        "interval of 224 ms.",
        ((PR, 224),),
    ),
    Said("sinus bradycardia at 51 with a QTc of 556 ms.", ((HR, 51), (QTC, 556))),
    Said(
        "new T-wave inversions in V1-V4 with a prolonged QTc of 518 ms. Troponin I 2.4 ng/mL",
        ((QTC, 518),),
    ),
    Said("a patient with baseline QTc of 447ms", ((QTC, 447),)),
    Said("HR 66, PR 212, QTc 384 · 20yo male", ((HR, 66), (PR, 212), (QTC, 384))),
    Said(
        "good quality, 67 bpm, 4.3% RR coefficient of variation, PR 145 ms, QRS 102 ms, and QTcF "
        "393 ms",
        ((HR, 67), (PR, 145), (QRS, 102), (QTF, 393)),
    ),
    Said("an irregularly irregular ventricular rate of 158.", ((HR, 158),)),
    Said(
        "ventricular rate of 150 mean flutter waves at about 300/minute with 2:1 conduction",
        ((HR, 150),),
    ),
    Said("atrial rate of 82 bpm (P waves at 82), ventricular rate of 36 bpm", ((HR, 36),)),
    Said("Atrial fibrillation with a ventricular rate of 126/min.", ((HR, 126),)),
    Said(
        "The rhythm:  the rate is 79 bpm. Intervals:  The PR interval is 139 ms (.139 seconds), "
        "and his QRS duration is 93 ms. His QTc is 402 ms. Normal axis, at around 40 degrees.",
        ((HR, 79), (PR, 139), (QRS, 93), (QTC, 402), (AX, 40)),
    ),
    Said(
        "QRS duration (ms): 98\nQT interval (ms): 388\nPR interval (ms): 158",
        ((QRS, 98), (QT, 388), (PR, 158)),
    ),
    Said(
        "heart_rate\tnumeric\tBeats per minute\t64.7\nqtc_bazett\tnumeric\tms\t431",
        ((HR, 64.7), (QTC, 431)),
    ),
    Said(
        "Threshold: QTcF >470 screen failure; an increase on QTc of 10 ms is the level of concern",
        (),
    ),
    Said("Cornell voltage x QRS duration >= 2440 mm·ms", ()),
    Said(
        "PQ-Intervall 174 ms, QRS-Komplex 92 ms, QTc-Zeit 416 ms, Herzfrequenz 71/min",
        ((PR, 174), (QRS, 92), (QTC, 416), (HR, 71)),
    ),
    Said("Linkstyp, HF 66/Min., PQ 0,18 sek., QRS 0,09 sek.", ((HR, 66), (PR, 180), (QRS, 90))),
    Said(
        "FC 72 lpm, PR 160 ms, QRS 90 ms, QTc 410 ms, eje 60°",
        ((HR, 72), (PR, 160), (QRS, 90), (QTC, 410), (AX, 60)),
    ),
    Said(
        "Sinusrytm 68/min. PQ-tid 156 ms. QRS-bredd 94 ms. QTc 428 ms.",
        ((HR, 68), (PR, 156), (QRS, 94), (QTC, 428)),
    ),
    Said(
        "EKG: NSR @ 72, nl axis, PR 0.16, QRS 0.08, QTc 0.42, no ST-T changes",
        ((HR, 72), (PR, 160), (QRS, 80), (QTC, 420)),
    ),
    Said(
        "ECG at 10:42 - SR 88, LAD -42, PR 188, QRS 122, QT/QTc 402/486",
        ((HR, 88), (AX, -42), (PR, 188), (QRS, 122), (QT, 402), (QTC, 486)),
    ),
    Said(
        "Ventricular rate 98 BPM, Atrial rate 98 BPM, P-R interval 148 ms, QRS duration 86 ms, "
        "Q-T interval 342 ms, QTC Calculation(Bazett) 436 ms, P Axis 52 degrees, R Axis 28 "
        "degrees, T Axis 41 degrees",
        ((HR, 98), (PR, 148), (QRS, 86), (QT, 342), (QTC, 436), (PA, 52), (AX, 28), (TA, 41)),
    ),
    Said(
        "Intervals: PR=178, QRSD=104, QT=398, QTc=421; Axes: P=61, QRS=-12, T=35",
        ((PR, 178), (QRS, 104), (QT, 398), (QTC, 421), (PA, 61), (AX, -12), (TA, 35)),
    ),
    Said(
        "P/PR/QRS: 108/162/94 ms, QT/QTc: 388/421 ms, P/QRS/T axis: 44/21/37°",
        ((P, 108), (PR, 162), (QRS, 94), (QT, 388), (QTC, 421), (PA, 44), (AX, 21), (TA, 37)),
    ),
    Said(
        "HR 77 bpm; PQ 152 ms; QRS 88 ms; QTcB 431 ms; QTcF 418 ms; RR 779 ms",
        ((HR, 77), (PR, 152), (QRS, 88), (QTC, 431), (QTF, 418), (RR, 779)),
    ),
    Said("Average RR: 912ms. Heart Rate: 66 BPM. QT: 410ms.", ((RR, 912), (HR, 66), (QT, 410))),
    Said("lower rate limit 60, AV delay 180 ms, threshold 0.7 V at 0.4 ms, upper rate 130", ()),
    Said("Echo: EF 55%, LVEDD 48 mm, TR gradient 30 mmHg, HR during study 82", ((HR, 82),)),
)

SECOND = (
    Said(
        "Technique: 12 lead. Findings: Ventricular rate was 71 beats/min. PR interval was 0.17 s. "
        "QRS duration was 0.10 s. QT interval was 0.40 s. The frontal QRS axis was +35 degrees.",
        ((HR, 71), (PR, 170), (QRS, 100), (QT, 400), (AX, 35)),
    ),
    Said(
        "RHYTHM: sinus. RATE: 94. AXIS: 12. PR: 154. QRS: 86. QTc: 433. ST/T: nonspecific.",
        ((HR, 94), (AX, 12), (PR, 154), (QRS, 86), (QTC, 433)),
    ),
    Said(
        "The electrocardiogram demonstrates a ventricular rate of approximately 58 beats per "
        "minute, with a PR interval measuring roughly 182 milliseconds and a QRS complex lasting "
        "about 102 milliseconds.",
        ((HR, 58), (PR, 182), (QRS, 102)),
    ),
    Said("With a QTc value of 462 ms, repolarization is slightly prolonged.", ((QTC, 462),)),
    Said(
        "Measured intervals were as follows: PR 166 ms; QRS 98 ms; QT 402 ms; QTc 428 ms.",
        ((PR, 166), (QRS, 98), (QT, 402), (QTC, 428)),
    ),
    Said(
        "HR=83bpm,PR=144ms,QRSd=90ms,QT=362ms,QTcF=403ms,axis=48deg",
        ((HR, 83), (PR, 144), (QRS, 90), (QT, 362), (QTF, 403), (AX, 48)),
    ),
    Said(
        "Ventricular Rate\t63\tBPM\nAtrial Rate\t63\tBPM\nPR Interval\t176\tms\nQRS Duration\t96"
        "\tms\nQT\t412\tms\nQTc Calculation (Bezet)\t421\tms\nP Axis\t48\tdegrees\nR Axis\t-8\t"
        "degrees\nT Axis\t22\tdegrees",
        ((HR, 63), (PR, 176), (QRS, 96), (QT, 412), (QTC, 421), (PA, 48), (AX, -8), (TA, 22)),
    ),
    Said(
        "The patient's heart rate was recorded at 104 bpm and the axis was deviated to the left "
        "(-38°).",
        ((HR, 104), (AX, -38)),
    ),
    Said(
        "QRS axis: normal (52 deg). P axis 61 deg. T axis 30 deg.", ((AX, 52), (PA, 61), (TA, 30))
    ),
    Said(
        "Sinus rhythm, 76 bpm, normal axis, PR 158, QRS 88, QTc 412, no acute ischemia.",
        ((HR, 76), (PR, 158), (QRS, 88), (QTC, 412)),
    ),
    Said(
        "ECG: SR, HR 69, PR 172, QRS 94, QTc 419 (Fridericia 415)",
        ((HR, 69), (PR, 172), (QRS, 94), (QTC, 419)),
    ),
    Said("AFib w/ RVR, rate 142, QRS 92 ms, QTc 447 ms", ((HR, 142), (QRS, 92), (QTC, 447))),
    Said("LBBB with a QRS width of 148 ms and HR 80/min", ((QRS, 148), (HR, 80))),
    Said(
        "PR-interval 192ms; QRS-duration 110ms; QTc-interval 446ms",
        ((PR, 192), (QRS, 110), (QTC, 446)),
    ),
    Said(
        "ventricular rate: 88 /min, PQ: 162 ms, QRS: 84 ms, QTc (Bazett): 429 ms",
        ((HR, 88), (PR, 162), (QRS, 84), (QTC, 429)),
    ),
    Said("mean RR interval 952 ms (range 904-1012 ms), heart rate 63 bpm", ((RR, 952), (HR, 63))),
    Said(
        "RR 742 ms / HR 81 / PR 150 ms / QRS 92 ms / QT 356 ms / QTc 413 ms",
        ((RR, 742), (HR, 81), (PR, 150), (QRS, 92), (QT, 356), (QTC, 413)),
    ),
    Said("Rate ~70, PR ~ 160 ms, QRS ~ 90 ms.", ((HR, 70), (PR, 160), (QRS, 90))),
    Said(
        "Heart rate (HR): 97 beats per minute (bpm). PR interval (PR): 138 milliseconds (ms).",
        ((HR, 97), (PR, 138)),
    ),
    Said(
        "<b>Heart Rate</b>: 61 bpm<br/><b>PR</b>: 168 ms<br/><b>QTc</b>: 417 ms",
        ((HR, 61), (PR, 168), (QTC, 417)),
    ),
    Said(
        '{"rate": 90, "intervals": {"PR": 148, "QRS": 82, "QT": 350, "QTc": 428}}',
        ((HR, 90), (PR, 148), (QRS, 82), (QT, 350), (QTC, 428)),
    ),
    Said(
        "PR_interval = 0.152 s, QRS_duration = 0.088 s, QTc_Bazett = 0.419 s",
        ((PR, 152), (QRS, 88), (QTC, 419)),
    ),
    Said(
        "Heart Rate | 73 | bpm\nPR Interval | 164 | ms\nQRS Axis | 57 | °",
        ((HR, 73), (PR, 164), (AX, 57)),
    ),
    Said("QT interval 378 ms, corrected 412 ms", ((QT, 378), (QTC, 412))),
    Said("QT 404 ms (QTc 438 ms)", ((QT, 404), (QTC, 438))),
    Said("QTc today is 489 ms, up from 452 ms last week.", ((QTC, 489),)),
    Said("PR interval is at the upper limit of normal at 198 ms.", ((PR, 198),)),
    Said(
        "The PR interval is normal, about 0.14 seconds, and the QRS is 0.08 seconds wide.",
        ((PR, 140), (QRS, 80)),
    ),
    Said("bradycardia with ventricular rate in the 40s, exact 43 bpm", ((HR, 43),)),
    Said(
        "First degree AV block, PR 236 ms. Right bundle branch block, QRS 142 ms.",
        ((PR, 236), (QRS, 142)),
    ),
    Said("heart rate varied between 58 and 74 bpm", ((HR, 66),)),
    Said(
        "Sinustachykardie mit 112/min, PQ-Zeit 140 ms, QRS 80 ms, QTc 430 ms, Linkstyp (-12°)",
        ((HR, 112), (PR, 140), (QRS, 80), (QTC, 430)),
    ),
    Said(
        "Rythme sinusal à 75/min, PR 160 ms, QRS 88 ms, axe +40°, QTc 402 ms",
        ((HR, 75), (PR, 160), (QRS, 88), (AX, 40), (QTC, 402)),
    ),
    Said("P duration 106 ms, PR interval 168 ms; no delta wave", ((P, 106), (PR, 168))),
    Said(
        "Left anterior fascicular block with axis of -52 degrees; rate 67.", ((AX, -52), (HR, 67))
    ),
    Said("normal ecg, 12 leads, 10 s at 500 Hz, 0.5-40 Hz band", ()),
    Said("HRV: SDNN 42 ms, RMSSD 31 ms, LF/HF 1.8", ()),
    Said("QT dispersion 38 ms; Tpeak-Tend 92 ms", ()),
    # Once (): before THIRD, no height was taken for a claim but as GEM writes it.
    Said("T wave amplitude 0.4 mV in V3, ST +1.2 mm in V2, J point 0.1 mV", (("T V3 mV", 0.4),)),
    Said("A QRS longer than 120 ms is wide; a PR beyond 200 ms is long.", ()),
    Said("Pacemaker set to DDD 60-130, AV delay 160 ms, PVARP 275 ms", ()),
    Said("84-year-old woman, BP 142/88, pulse ox 97%, RR 16, T 36.8", ()),
    Said("2 PACs and 3 PVCs in 10 s; couplets 1; run of 5 beats", ()),
    Said("Recorded 08-AUG-2011 14:22, ID 0042371, room 12, cart 5, device MAC 5500", ()),
    Said("R/S ratio 1.2 in V1, R in aVL 11 mm, Cornell 22 mm", ()),
    Said("Normal ranges: PR 120-200 ms, QRS 80-120 ms, QTc below 450 ms", ()),
    Said("exercise: 8.4 METs, 85% of target 148, peak HR 151, recovery 3 min", ()),
    Said("flutter waves at 290/min with 4:1 conduction", ()),
    Said("QTc would be expected to shorten by 20 ms", ()),
    Said("dose 40 mg, day 3; next ECG in 2 weeks; potassium 4.1", ()),
)

THIRD = (
    Said(
        "62M chest pain x2h. ECG: sinus tach 112, PR 148, QRS 92, QTc 451, axis +30. No "
        "acute ST changes. ASA 300 given, trop 14.",
        ((HR, 112), (PR, 148), (QRS, 92), (QTC, 451), (AX, 30)),
    ),
    Said(
        "Vent. rate            78  BPM\nPR interval          164  ms\n"
        "QRS duration          88  ms\nQT/QTc           376/428  ms\n"
        "P-R-T axes    54   12   41",
        ((HR, 78), (PR, 164), (QRS, 88), (QT, 376), (QTC, 428), (PA, 54), (AX, 12), (TA, 41)),
    ),
    Said(
        "The ECG on discharge showed sinus rhythm at 68 beats per minute with first-degree "
        "AV block (PR interval 0.24 s), a narrow QRS of 0.09 s and a QTc of 0.43 s. She "
        "goes home on bisoprolol 2.5 mg od and will be seen in clinic in six weeks.",
        ((HR, 68), (PR, 240), (QRS, 90), (QTC, 430)),
    ),
    Said(
        "A 47-year-old man presented with palpitations. Twelve-lead electrocardiography "
        "revealed a regular wide-complex tachycardia at a rate of 186 beats/min, with a "
        "QRS duration of 154 ms and a northwest axis of -120°. Blood pressure was 92/54 mmHg.",
        ((HR, 186), (QRS, 154), (AX, -120)),
    ),
    Said(
        "ECG reviewed: sinus rhythm, normal axis, no ischaemic changes. Normal PR is "
        "120-200 ms and normal QRS under 120 ms, and this tracing meets both.",
        (),
    ),
    Said(
        "Sinusrhythmus, HF 74/min, Indifferenztyp, PQ 162 ms, QRS 94 ms, QT 382 ms, QTc "
        "424 ms (Bazett). Keine ERBST.",
        ((HR, 74), (PR, 162), (QRS, 94), (QT, 382), (QTC, 424)),
    ),
    Said(
        "EKG visar sinusrytm med frekvens 58 slag per minut. PQ-tid 0,18 s, QRS-tid 0,10 "
        "s, QTc 410 ms. Inga ST-förändringar.",
        ((HR, 58), (PR, 180), (QRS, 100), (QTC, 410)),
    ),
    Said(
        "AFib w/ RVR, vent rate 130-150, QRS 84, QTc 462. LVEF 35% last echo. dilt 20 mg "
        "iv pushed.",
        ((HR, 140), (QRS, 84), (QTC, 462)),
    ),
    Said(
        "**ECG interpretation**\n\n- **Heart rate:** ~88 bpm\n"
        "- **PR interval:** ≈ 170 ms (normal: 120–200 ms)\n"
        "- **QRS duration:** 96 ms (normal: <120 ms)\n- **QT/QTc:** 360/436 ms\n\n"
        "All of these are within normal limits. Would you like me to explain any of them?",
        ((HR, 88), (PR, 170), (QRS, 96), (QT, 360), (QTC, 436)),
    ),
    Said(
        '{"hr_bpm": 71, "pr_ms": 152, "qrs_ms": 86, "qt_ms": 392, "qtc_bazett_ms": 426, '
        '"qtc_fridericia_ms": 414, "qrs_axis_deg": 48}',
        ((HR, 71), (PR, 152), (QRS, 86), (QT, 392), (QTC, 426), (QTF, 414), (AX, 48)),
    ),
    Said(
        "Voltage criteria for LVH are met: S wave in V1 2.4 mV, R wave in V5 2.9 mV "
        "(Sokolow-Lyon threshold 3.5 mV). Strain pattern in the lateral leads.",
        (("S V1 mV", 2.4), ("R V5 mV", 2.9)),
    ),
    Said(
        "Sinus rythm, hart rate 82 bpm, PR intervall 144 msec, QRS duraton 98 msec, QTC 417 msec.",
        ((HR, 82), (PR, 144), (QRS, 98), (QTC, 417)),
    ),
    Said(
        "After magnesium and stopping the methadone the QTc shortened from 568 ms to 472 "
        "ms; heart rate now 76, QRS unchanged at 102 ms.",
        ((QTC, 472), (HR, 76), (QRS, 102)),
    ),
    Said(
        "HR 54. PR 212 (was 188 last year). QRS 118. QTc 439. No pauses.",
        ((HR, 54), (PR, 212), (QRS, 118), (QTC, 439)),
    ),
    Said(
        "0400 tele strip: NSR 64-68, PR .16, QRS .08, QT .40. No ectopy. Pt asleep, call "
        "light in reach.",
        ((HR, 66), (PR, 160), (QRS, 80), (QT, 400)),
    ),
    Said(
        "24-h Holter: mean heart rate 73/min (minimum 44 at 03:12, maximum 141 at 17:40). "
        "214 PVCs, no couplets, no pauses > 2.0 s.",
        ((HR, 73),),
    ),
    Said(
        "Answer: C. The delta wave and a PR of 96 ms, together with a QRS of 136 ms, make "
        "Wolff-Parkinson-White the best answer. A PR of less than 120 ms is required for "
        "the diagnosis.",
        ((PR, 96), (QRS, 136)),
    ),
    Said(
        "Ritmo sinusal a 86 lpm, PR 140 ms, QRS 90 ms, eje a 60º, QTc 405 ms. Sin "
        "alteraciones agudas de la repolarización.",
        ((HR, 86), (PR, 140), (QRS, 90), (AX, 60), (QTC, 405)),
    ),
    Said(
        "Rythme sinusal régulier à 70/min, PR à 176 ms, QRS fins à 82 ms, axe à +45°, QTc "
        "à 418 ms. Pas de trouble de la repolarisation.",
        ((HR, 70), (PR, 176), (QRS, 82), (AX, 45), (QTC, 418)),
    ),
    Said(
        "Ritmo sinusale, FC 66 bpm, PR 0,15 s, QRS 0,09 s, QTc 0,41 s. Asse elettrico a 20°.",
        ((HR, 66), (PR, 150), (QRS, 90), (QTC, 410), (AX, 20)),
    ),
    Said(
        "Sinusritme 92/min, intermediaire as, PQ 158 ms, QRS 106 ms, QTc 447 ms, geen "
        "ST-deviaties.",
        ((HR, 92), (PR, 158), (QRS, 106), (QTC, 447)),
    ),
    Said(
        "Ritmo sinusal, FC 60 bpm, PR 200 ms, QRS 110 ms, QT 420 ms, QTc 420 ms. "
        "Sobrecarga atrial esquerda.",
        ((HR, 60), (PR, 200), (QRS, 110), (QT, 420), (QTC, 420)),
    ),
    Said(
        "Maximum predicted heart rate 165/min; 85% target is 140/min. Test booked for "
        "Thursday, hold the beta blocker.",
        (),
    ),
    Said(
        "RATE      96\nPR       132\nQRSD      84\nQT       336\nQTC      425\n\n--AXIS--\n"
        "P         61\nQRS       -8\nT         35",
        ((HR, 96), (PR, 132), (QRS, 84), (QT, 336), (QTC, 425), (PA, 61), (AX, -8), (TA, 35)),
    ),
    Said(
        "12 lead done at 14:20, HR 104 reg, QRS 0.12 sec, QTc 0.48 sec. MD aware. BP "
        "138/82, SpO2 96% RA, temp 37.8.",
        ((HR, 104), (QRS, 120), (QTC, 480)),
    ),
    Said(
        "CHB, atrial rate 90, ventricular escape 34/min, QRS 148 ms. Temp wire in, "
        "threshold 0.8 mA, set at 70 ppm.",
        ((HR, 34), (QRS, 148)),
    ),
    Said(
        "The P wave in lead II lasts 128 ms and is notched, with a terminal negative force "
        "in V1. PR 182 ms. Consistent with left atrial enlargement.",
        ((P, 128), (PR, 182)),
    ),
    Said(
        "Anterior STEMI: ST elevation 0.35 mV in V2, 0.42 mV in V3 and 0.28 mV in V4. Rate "
        "88. Cath lab activated.",
        (("ST V2 mV", 0.35), ("ST V3 mV", 0.42), ("ST V4 mV", 0.28), (HR, 88)),
    ),
    Said(
        "Prior tracing from 12/03/2019: rate 72, PR 160, QRS 90. Today's tracing was not "
        "available at the time of dictation.",
        (),
    ),
    Said(
        "Vorhofflimmern mit tachykarder Überleitung um 124/min, Linkstyp, QRS 0,10 s, "
        "frequenzkorrigierte QT-Zeit 438 ms.",
        ((HR, 124), (QRS, 100), (QTC, 438)),
    ),
    Said(
        "HR up from 38 to 64 after atropine 600 mcg. PR now 178, QRS 96, QTc 421.",
        ((HR, 64), (PR, 178), (QRS, 96), (QTC, 421)),
    ),
    Said(
        "HR=77;RR=779;PR=149;QRSd=93;QT=381;QTcB=432;QTcF=414;Paxis=50;QRSaxis=65;Taxis=40",
        (
            (HR, 77),
            (RR, 779),
            (PR, 149),
            (QRS, 93),
            (QT, 381),
            (QTC, 432),
            (QTF, 414),
            (PA, 50),
            (AX, 65),
            (TA, 40),
        ),
    ),
    Said(
        "| Parameter | Value | Reference |\n|---|---|---|\n| Heart rate | 59 bpm | 60–100 |\n"
        "| PR interval | 194 ms | 120–200 |\n| QRS duration | 112 ms | 70–110 |\n"
        "| QTc (Fridericia) | 433 ms | ≤ 450 |",
        ((HR, 59), (PR, 194), (QRS, 112), (QTF, 433)),
    ),
    Said(
        "Type 1 Brugada pattern with coved ST elevation of 0.25 mV in V2. PR 206 ms, QRS "
        "114 ms, rate 71.",
        (("ST V2 mV", 0.25), (PR, 206), (QRS, 114), (HR, 71)),
    ),
    Said(
        "QT 440/QTc 452 on day 3 of sotalol 80 mg bid. HR 63. CrCl 74 mL/min. Will hold if "
        "QTc > 500.",
        ((QT, 440), (QTC, 452), (HR, 63)),
    ),
    Said(
        "The corrected QT interval, calculated with Fridericia's formula, was 531 ms, and "
        "the heart rate was 49 beats per minute. Serum potassium was 2.6 mmol/L and "
        "magnesium 0.54 mmol/L.",
        ((QTF, 531), (HR, 49)),
    ),
    Said(
        "Please repeat the ECG in 2 weeks; if the PR is over 300 ms or the rate below 40, "
        "call cardiology on 5511.",
        (),
    ),
    Said(
        "ECG: unchanged. Pacemaker DDD 60-130, AV delay 180 ms paced / 150 ms sensed, "
        "atrial sensitivity 0.5 mV, ventricular 2.0 mV.",
        (),
    ),
    Said(
        "Sinus bradycardia at 51\nbpm. The PR interval is 168\nms, the QRS\n"
        "duration 90 ms and the QT\n448 ms.",
        ((HR, 51), (PR, 168), (QRS, 90), (QT, 448)),
    ),
    Said(
        "LBBB. QRS 162 ms, axis −38°, PR 188 ms, ventricular rate 84 bpm. EF 28 %, so a "
        "CRT candidate (QRS ≥150 ms, EF ≤35 %).",
        ((QRS, 162), (AX, -38), (PR, 188), (HR, 84)),
    ),
    Said(
        "Hjärtfrekvens 76/min. P-våg 112 ms, PQ 170 ms, QRS 88 ms, QT 380 ms. Elaxel 15 grader.",
        ((HR, 76), (P, 112), (PR, 170), (QRS, 88), (QT, 380), (AX, 15)),
    ),
    Said(
        "The rhythm is regular with an R-R interval of about 800 ms (≈75 bpm). The PR "
        "interval (0.18 s) and the QRS complex (0.08 s) are both normal, so there is no "
        "sign of conduction delay here.",
        ((RR, 800), (HR, 75), (PR, 180), (QRS, 80)),
    ),
    Said(
        "Hyperkalaemia, K 7.4. Peaked T waves, 1.2 mV in V3; QRS broad at 168 ms, P waves "
        "absent, rate 58. Ca gluc 10 ml 10% given.",
        (("T V3 mV", 1.2), (QRS, 168), (HR, 58)),
    ),
    Said(
        "PE suspected. S1Q3T3, with an S wave of 0.6 mV in I and a Q wave of 0.3 mV in "
        "III. Sinus tachycardia 118/min. Troponin T 64 ng/L.",
        (("S I mV", 0.6), ("Q III mV", 0.3), (HR, 118)),
    ),
    Said(
        "A QTc above 500 ms carries a risk of torsades; recheck the ECG after each dose change.",
        (),
    ),
    Said(
        "I worked out the rate as 300 / 4 = 75 beats/min. The PR was 4 small squares, "
        "which is 0.16 s, and the QRS 2 small squares (0.08 s).",
        ((HR, 75), (PR, 160), (QRS, 80)),
    ),
    Said(
        "SINUS TACHYCARDIA, RATE 127. PR 112, QRS 78, QT 290, QTC 422. NONSPECIFIC T WAVE "
        "ABNORMALITY. CONFIRMED BY DR LANE.",
        ((HR, 127), (PR, 112), (QRS, 78), (QT, 290), (QTC, 422)),
    ),
    Said(
        "Ritmo nodal a 45 lpm, sin ondas P visibles, QRS 94 mseg, QT 460 mseg, QTc 398 mseg.",
        ((HR, 45), (QRS, 94), (QT, 460), (QTC, 398)),
    ),
    Said(
        "WCT ~210 bpm, QRS 0.14, no visible P's. Pads on. Sedate w/ etomidate, sync 100 J.",
        ((HR, 210), (QRS, 140)),
    ),
    Said(
        "EKG unremarkable. 55 yo, BP 145/90, LDL 132, HbA1c 6.8%, echo LVEF 60%, LA 41 mm.",
        (),
    ),
)

FOURTH = (
    Said(
        "Based on the tracing you provided, the **ventricular rate is approximately 94 "
        "beats per minute**, the **PR interval measures 0.14 seconds**, and the **QRS "
        "complex is 0.10 seconds wide**. The **QTc is 0.42 seconds**. Please discuss these "
        "findings with your doctor.",
        ((HR, 94), (PR, 140), (QRS, 100), (QTC, 420)),
    ),
    Said(
        "1. Rate: 110/min\n2. Rhythm: irregularly irregular, no P waves\n"
        "3. Axis: left, about -45 degrees\n4. QRS: 124 ms, RBBB morphology\n5. QTc: 478 ms\n"
        "6. ST/T: secondary changes only",
        ((HR, 110), (AX, -45), (QRS, 124), (QTC, 478)),
    ),
    Said(
        "HR     67 /min    Axis:\nRR    896 ms      P    48 °\nP     104 ms      QRS  22 °\n"
        "PR    158 ms      T    37 °\nQRS    92 ms\nQT    398 ms\nQTcB  421 ms",
        (
            (HR, 67),
            (RR, 896),
            (P, 104),
            (PR, 158),
            (QRS, 92),
            (QT, 398),
            (QTC, 421),
            (PA, 48),
            (AX, 22),
            (TA, 37),
        ),
    ),
    Said(
        "VENT RATE: 101 bpm\nPR INTERVAL: 126 ms\nQRS DURATION: 78 ms\nQT/QTc: 330 / 428 ms\n"
        "P-R-T AXES: 70 81 58",
        ((HR, 101), (PR, 126), (QRS, 78), (QT, 330), (QTC, 428), (PA, 70), (AX, 81), (TA, 58)),
    ),
    Said(
        "Im Ruhe-EKG zeigte sich ein normofrequenter Sinusrhythmus (Herzfrequenz 72/min) "
        "mit AV-Block I. Grades (PQ-Zeit 228 ms), die QRS-Dauer betrug 98 ms, die QTc-Zeit "
        "442 ms. Bisoprolol wurde auf 2,5 mg reduziert.",
        ((HR, 72), (PR, 228), (QRS, 98), (QTC, 442)),
    ),
    Said(
        "SR 63/min, Steiltyp, PQ 0,17 s, QRS 0,08 s, QT 0,40 s. RR 135/85 mmHg.",
        ((HR, 63), (PR, 170), (QRS, 80), (QT, 400)),
    ),
    Said(
        "Förmaksflimmer med kammarfrekvens 88/min, vänstergrenblock med QRS-duration 156 "
        "ms, QTc 480 ms. Troponin T 22 ng/L.",
        ((HR, 88), (QRS, 156), (QTC, 480)),
    ),
    Said(
        "Tachycardie sinusale à 115 bpm, PR 0,14 s, QRS 0,08 s, sus-décalage du segment ST "
        "en V2 de 0,2 mV. TA 110/70.",
        ((HR, 115), (PR, 140), (QRS, 80), ("ST V2 mV", 0.2)),
    ),
    Said(
        "Fibrillazione atriale a risposta ventricolare media di 97 bpm, BBDx (QRS 138 ms), "
        "QTc 455 ms. FE 45% all'ecocardiogramma.",
        ((HR, 97), (QRS, 138), (QTC, 455)),
    ),
    Said(
        "ECG: sinusbradycardie 48/min, PQ-tijd 220 msec, QRS-duur 96 msec, QTc 402 msec, "
        "hartas 30 graden.",
        ((HR, 48), (PR, 220), (QRS, 96), (QTC, 402), (AX, 30)),
    ),
    Said(
        "Frequência cardíaca de 83 bpm, intervalo PR de 0,16 s, complexo QRS de 0,09 s, "
        "intervalo QT corrigido de 0,44 s, eixo a +60°.",
        ((HR, 83), (PR, 160), (QRS, 90), (QTC, 440), (AX, 60)),
    ),
    Said(
        "FC 102 lpm; PR 0,12 s; QRS 0,08 s; QT 0,34 s; QTc 0,44 s. Potasio 3,1 mEq/L. TA "
        "100/60 mmHg.",
        ((HR, 102), (PR, 120), (QRS, 80), (QT, 340), (QTC, 440)),
    ),
    Said(
        "What is a normal PR interval? It is 0.12–0.20 seconds, i.e. three to five small "
        "squares at 25 mm/s.",
        (),
    ),
    Said(
        "I'm sorry, but I can't measure intervals from this image. Typical adult values "
        "are a heart rate of 60-100 bpm, a QRS of 80-120 ms and a QTc < 440 ms (men) or < "
        "460 ms (women).",
        (),
    ),
    Said(
        "rhythm: sinus\nventricular_rate: 69\npr_interval: 166\nqrs_duration: 95\n"
        "qt_interval: 394\nqtc_interval: 422\np_axis: 51\nr_axis: 33\nt_axis: 28",
        ((HR, 69), (PR, 166), (QRS, 95), (QT, 394), (QTC, 422), (PA, 51), (AX, 33), (TA, 28)),
    ),
    Said(
        '<HeartRate>58</HeartRate><PRInterval unit="ms">178</PRInterval><QRSDuration '
        'unit="ms">88</QRSDuration><QTInterval unit="ms">430</QTInterval>',
        ((HR, 58), (PR, 178), (QRS, 88), (QT, 430)),
    ),
    Said(
        "hr,pr,qrs,qt,qtc\n91,138,82,352,434",
        ((HR, 91), (PR, 138), (QRS, 82), (QT, 352), (QTC, 434)),
    ),
    Said(
        "The correct answer is B. This patient's QTc of 556 ms on haloperidol 10 mg daily "
        "warrants stopping the drug. (A QTc >500 ms is the usual threshold.) Options A and "
        "D ignore the ECG altogether.",
        ((QTC, 556),),
    ),
    Said(
        "Rate 65, PR 154, QRS 144 (RBBB), LAFB with axis -62, QTc 470. Syncope x2, age 81.",
        ((HR, 65), (PR, 154), (QRS, 144), (AX, -62), (QTC, 470)),
    ),
    Said(
        "SVT with QRS of 82 ms. Adenosine 6 then 12 mg; rate fell from 178 to 92 bpm and P "
        "waves came back.",
        ((QRS, 82), (HR, 92)),
    ),
    Said(
        "QTc went from 418 to 489 ms after starting citalopram 40 mg; QRS 90 ms throughout.",
        ((QTC, 489), (QRS, 90)),
    ),
    Said(
        "Her electrocardiogram demonstrated sinus rhythm (78 beats per minute), a short PR "
        "interval (104 milliseconds), delta waves, and a QRS duration of 132 milliseconds "
        "with an axis of −15 degrees. The effective refractory period of the pathway was "
        "270 ms.",
        ((HR, 78), (PR, 104), (QRS, 132), (AX, -15)),
    ),
    Said(
        "Baseline intervals: RR 850 ms, PR 172 ms, QRS 96 ms, QT 402 ms, AH 88 ms, HV 46 ms.",
        ((RR, 850), (PR, 172), (QRS, 96), (QT, 402)),
    ),
    Said(
        "Holter 24 uur: gemiddelde hartfrequentie 71/min (min. 43, max. 128). Geen pauzes, 56 VES.",
        ((HR, 71),),
    ),
    Said(
        "Vilo-EKG: sinusrytm 61/min, P-duration 120 ms, PQ 190 ms, QRS 94 ms, QTc "
        "(Fridericia) 415 ms. Ålder 67 år. Blodtryck 142/84.",
        ((HR, 61), (P, 120), (PR, 190), (QRS, 94), (QTF, 415)),
    ),
    Said(
        "HEART RATE\n  Min   47 at 04:51\n  Mean  69\n  Max  132 at 18:07\n"
        "VE total 1203 (1.2%)\nSVE total 88",
        ((HR, 69),),
    ),
    Said(
        "R in aVL 1.4 mV, S in V3 1.9 mV: Cornell criterion fulfilled (cut-off 2.8 mV in men).",
        (("R aVL mV", 1.4), ("S V3 mV", 1.9)),
    ),
    Said(
        "Low-voltage QRS: R wave amplitude in lead I 0.3 mV, in lead II 0.4 mV, in lead "
        "III 0.2 mV. Pericardial effusion 22 mm on echo.",
        (("R I mV", 0.3), ("R II mV", 0.4), ("R III mV", 0.2)),
    ),
    Said(
        "Here are the values in a table:\n\n| Measurement | Patient | Normal |\n"
        "| :-- | :-- | :-- |\n| Rate | 122 bpm | 60-100 bpm |\n| PR | 118 ms | 120-200 ms |\n"
        "| QRS | 76 ms | < 120 ms |\n| QT | 300 ms | – |\n| QTc | 428 ms | < 460 ms |\n"
        "| QRS axis | 75° | -30° to +90° |",
        ((HR, 122), (PR, 118), (QRS, 76), (QT, 300), (QTC, 428), (AX, 75)),
    ),
    Said(
        "❤️ HR: 73 bpm  ⏱️ PR: 160 ms  📏 QRS: 88 ms  QTc: 411 ms ✅ everything looks fine!",
        ((HR, 73), (PR, 160), (QRS, 88), (QTC, 411)),
    ),
    Said(
        "Single-lead recording, 30 s, sinus rhythm, average heart rate 79 BPM. This app "
        "does not detect heart attacks.",
        ((HR, 79),),
    ),
    Said(
        "QTc (Bazett) = 437 ms, QTc (Fridericia) = 425 ms, QTc (Hodges) = 421 ms at 71 "
        "bpm; uncorrected QT 402 ms.",
        ((QTC, 437), (QTF, 425), ("QTc Hodges ms", 421), (HR, 71), (QT, 402)),
    ),
    Said(
        "I'd estimate a PR interval of 160–180 ms, a QRS of 90–100 ms, a QTc of 430–440 ms "
        "and a heart rate of 70–80 bpm, though image quality limits my confidence.",
        ((PR, 170), (QRS, 95), (QTC, 435), (HR, 75)),
    ),
    Said(
        "Pacemaker check. VVIR 70–120, R wave sensing 11.2 mV, threshold 0.75 V @ 0.4 ms, "
        "battery 7 years.",
        (),
    ),
    Said(
        "Old EKG (2021) showed LBBB with QRS 148 ms and PR 190 ms; today's EKG is pending.",
        (),
    ),
    Said(
        "Lidocaine 100 mg, amiodarone 300 mg, adrenaline 1 mg x3. ROSC at 11 min. Lactate "
        "8.2. ECG post-ROSC: widespread ST depression.",
        (),
    ),
    Said(
        "NSTEMI. ST depression of 0.15 mV in V5 and 0.1 mV in V6, HR 99, QRS 88. hs-TnI 212 ng/L.",
        (("ST V5 mV", -0.15), ("ST V6 mV", -0.1), (HR, 99), (QRS, 88)),
    ),
    Said(
        "Deeply inverted T waves in V2 (-0.4 mV) and V3 (-0.5 mV), HR 55, QTc 498 ms. Takotsubo?",
        (("T V2 mV", -0.4), ("T V3 mV", -0.5), (HR, 55), (QTC, 498)),
    ),
    Said(
        "The ST segment is long (260 ms), as in hypocalcaemia; QT 480 ms, QTc 511 ms, HR "
        "68. Ca 1.62 mmol/L.",
        (("ST ms", 260), (QT, 480), (QTC, 511), (HR, 68)),
    ),
    Said(
        "Segment durations: PR 150 ms, QRS 88 ms, ST 120 ms, T 180 ms, QT 388 ms.",
        ((PR, 150), (QRS, 88), ("ST ms", 120), ("T duration ms", 180), (QT, 388)),
    ),
    Said(
        "sinus tachy 108bpm,PR 136ms,QRS 80ms,QTc 440ms.no st changes",
        ((HR, 108), (PR, 136), (QRS, 80), (QTC, 440)),
    ),
    Said(
        "HR/PR/QRS/QT/QTc: 64/170/100/410/423",
        ((HR, 64), (PR, 170), (QRS, 100), (QT, 410), (QTC, 423)),
    ),
    Said(
        "ECG at enrolment: heart rate (beats/min) 72, PR interval (ms) 168, QRS duration "
        "(ms) 108, QTcF (ms) 419. Site 014.",
        ((HR, 72), (PR, 168), (QRS, 108), (QTF, 419)),
    ),
    Said(
        "bpm 57 | PR 202 | QRS 104 | QTc 399 | axis 10",
        ((HR, 57), (PR, 202), (QRS, 104), (QTC, 399), (AX, 10)),
    ),
    Said(
        "Regular R-R intervals of 0.60 s, corresponding to a rate of 100 per minute. P "
        "wave duration 0.09 s. PR interval 0.13 s.",
        ((RR, 600), (HR, 100), (P, 90), (PR, 130)),
    ),
    Said(
        "Treadmill: target rate 150 bpm (85 % of predicted maximum 176). Stop if ST "
        "depression exceeds 0.2 mV or systolic BP > 250 mmHg.",
        (),
    ),
    Said(
        "Sensitivity of a QRS >150 ms for response to CRT was 74 %, specificity 61 %. This "
        "patient's ECG was not in the dataset.",
        (),
    ),
    Said(
        "Quick read:\n - sinus @ 84\n - PR 0.2\n - QRS 0.1\n - QTc 0.45\n - nothing acute",
        ((HR, 84), (PR, 200), (QRS, 100), (QTC, 450)),
    ),
    Said(
        "No ECG today. Last visit: HR 61, QTc 433 ms.",
        (),
    ),
    Said(
        "In summary: sinus rhythm, 87 bpm; intervals PR/QRS/QTc = 142/86/431 ms; axes "
        "P/QRS/T = 55/40/20°. Weight 82 kg.",
        ((HR, 87), (PR, 142), (QRS, 86), (QTC, 431), (PA, 55), (AX, 40), (TA, 20)),
    ),
)

FIFTH = (
    Said(
        "Pt 74F, collapse at home. Monitor shows sinus rhythm, rate 58. 12-lead: PR 0.22, "
        "QRS 0.13 LBBB, QTc 0.47. BP 96/60, BM 6.4, GCS 15.",
        ((HR, 58), (PR, 220), (QRS, 130), (QTC, 470)),
    ),
    Said(
        "TELE 2300: ST 113, PR 0.14, QRS 0.06, QT 0.32. Pt febrile, denies CP.",
        ((HR, 113), (PR, 140), (QRS, 60), (QT, 320)),
    ),
    Said(
        "AF 72-96, QRS 0.08, QT unmeasurable. Rare PVC.",
        ((HR, 84), (QRS, 80)),
    ),
    Said(
        "HR    75 bpm\nR-R   0.800 s\nP-R   0.172 s\nQRS   0.094 s\nQT    0.388 s\n"
        "QTc   0.434\nAXIS  43 deg\nRV5   1.42 mV\nSV1   0.88 mV\nR+S   2.30 mV",
        (
            (HR, 75),
            (RR, 800),
            (PR, 172),
            (QRS, 94),
            (QT, 388),
            (QTC, 434),
            (AX, 43),
            ("R V5 mV", 1.42),
            ("S V1 mV", 0.88),
        ),
    ),
    Said(
        "HR            : 82   bpm\nP Duration    : 98   ms\nPR int        : 142  ms\n"
        "QRS Duration  : 86   ms\nQT/QTc int    : 366/428 ms\nP/QRS/T axis  : 47/62/35 °\n"
        "RV5/SV1 amp   : 1.215/0.742 mV\nRV5+SV1 amp   : 1.957 mV",
        (
            (HR, 82),
            (P, 98),
            (PR, 142),
            (QRS, 86),
            (QT, 366),
            (QTC, 428),
            (PA, 47),
            (AX, 62),
            (TA, 35),
            ("R V5 mV", 1.215),
            ("S V1 mV", 0.742),
        ),
    ),
    Said(
        "Vent Rate 56 BPM | RR 1071 ms | PR 184 ms | QRS 98 ms | QT 424 ms | QTcB 410 ms | "
        "QTcF 414 ms | QTcH 417 ms",
        (
            (HR, 56),
            (RR, 1071),
            (PR, 184),
            (QRS, 98),
            (QT, 424),
            (QTC, 410),
            (QTF, 414),
            ("QTc Hodges ms", 417),
        ),
    ),
    Said(
        "Table 2 lists our results at rest. The heart rate was 68 bpm, the RR interval 882 "
        "ms, the PR interval 0.15 s, the QRS 0.085 s, the QT interval 0.37 s, the P wave "
        "0.10 s and the T wave 0.16 s long.",
        ((HR, 68), (RR, 882), (PR, 150), (QRS, 85), (QT, 370), (P, 100), ("T duration ms", 160)),
    ),
    Said(
        "Lead II: P amplitude 0.12 mV, R amplitude 1.1 mV, T amplitude 0.31 mV. Lead I: R "
        "amplitude 0.65 mV.",
        (("P II mV", 0.12), ("R II mV", 1.1), ("T II mV", 0.31), ("R I mV", 0.65)),
    ),
    Said(
        "R wave amplitude was 1.3 mV in our subject (we forgot to note which lead); HR 80.",
        (("R mV", 1.3), (HR, 80)),
    ),
    Said(
        "EKG: nc SR, HF 69/', ÜLT, PQ 152, QRS 88, QTc 409, keine ischämietyp. Veränd.",
        ((HR, 69), (PR, 152), (QRS, 88), (QTC, 409)),
    ),
    Said(
        "Frequenz: 81 /min\nP: 110 ms\nPQ: 168 ms\nQRS: 92 ms\nQT: 370 ms\nQTc: 430 ms\n"
        "Lagetyp: LT (-5°)",
        ((HR, 81), (P, 110), (PR, 168), (QRS, 92), (QT, 370), (QTC, 430), (AX, -5)),
    ),
    Said(
        "EKG: RS, FC 77x', PR 160mseg, QRS 80mseg, AQRS +30°, QTc 412mseg. Edad 59 años, "
        "PA 150/90.",
        ((HR, 77), (PR, 160), (QRS, 80), (AX, 30), (QTC, 412)),
    ),
    Said(
        "ECG: RS, FC: 68 bpm, SÂQRS +15°, iPR 180 ms, QRS 98 ms, QTc 427 ms. Em uso de "
        "atenolol 50 mg.",
        ((HR, 68), (AX, 15), (PR, 180), (QRS, 98), (QTC, 427)),
    ),
    Said(
        "ECG : RRS 64 bpm, PR 210 ms (BAV 1), QRS 118 ms, QTc Bazett 435 ms, QTc "
        "Fridericia 430 ms.",
        ((HR, 64), (PR, 210), (QRS, 118), (QTC, 435), (QTF, 430)),
    ),
    Said(
        "Frequenza ventricolare 52/min, intervallo PQ 240 ms, durata QRS 104 ms, QT/QTc "
        "448/417 ms, asse QRS -20°.",
        ((HR, 52), (PR, 240), (QRS, 104), (QT, 448), (QTC, 417), (AX, -20)),
    ),
    Said(
        "Ritmestrook 22:00: SR 84/min, PR 0,16 sec, QRS 0,08 sec. RR 124/76, sat 97%.",
        ((HR, 84), (PR, 160), (QRS, 80)),
    ),
    Said(
        "Långtids-EKG 24 tim: medelfrekvens 66/min, lägsta 41/min kl 04:10, högsta 137/min "
        "kl 16:32. Inga pauser över 2,5 s.",
        ((HR, 66),),
    ),
    Said(
        "Holter de 24 h: FC media 74 lpm, FC mínima 46 lpm, FC máxima 151 lpm. 312 "
        "extrasístoles ventriculares.",
        ((HR, 74),),
    ),
    Said(
        "Eletrocardiograma: ritmo sinusal, frequência 90 bpm, PR 0,14 seg, QRS 0,08 seg, "
        "QT 0,36 seg.",
        ((HR, 90), (PR, 140), (QRS, 80), (QT, 360)),
    ),
    Said(
        "Monitored 47 h 50 min. Average HR 62 bpm, slowest 39 bpm, fastest 118 bpm. PVC "
        "burden 4.1%. Average PR 186 ms.",
        ((HR, 62), (PR, 186)),
    ),
    Said(
        "ekg nsr 86 pr 152 qrs 94 qtc 438 no stemi",
        ((HR, 86), (PR, 152), (QRS, 94), (QTC, 438)),
    ),
    Said(
        "EKG as read by me: Rate 47, sinus brady. PR 0.19. QRS 0.09. Axis nl. QTc 0.40. "
        "Compared to 3/2022 (rate 66, QTc 412) slower.",
        ((HR, 47), (PR, 190), (QRS, 90), (QTC, 400)),
    ),
    Said(
        "Monitor alarms set: HR low 50 / high 130. Pt resting comfortably.",
        (),
    ),
    Said(
        "Digoxin level 2.4 ng/mL, K 5.6. Awaiting ECG.",
        (),
    ),
    Said(
        "The PR interval is prolonged, the QRS is wide and the QTc is borderline.",
        (),
    ),
    Said(
        "Our lab's upper limits: QTc 450 ms in men and 470 ms in women; PR 200 ms; QRS 110 ms.",
        (),
    ),
    Said(
        "Maximum heart rate predicted for age 54: 166 bpm. He has been told to train at "
        "110-130 bpm.",
        (),
    ),
    Said(
        "ICD interrogation: VT zone 170 bpm, VF zone 200 bpm, RV lead R wave 8.9 mV, "
        "impedance 480 ohm, no therapies.",
        (),
    ),
    Said(
        "Echo: EF 55%, E/e' 9, LA 38 mm, TR gradient 24 mmHg. ECG not recorded today; in "
        "January the QTc was 444 ms.",
        (),
    ),
    Said(
        "Paper speed 25 mm/s, gain 10 mm/mV, filter 0.05-150 Hz, 50 Hz notch on.",
        (),
    ),
    Said(
        "Torsade de pointes recurred twice overnight. Following isoproterenol infusion, "
        "the heart rate rose from 44 to 90 beats/min and the QTc fell from 640 to 520 ms, "
        "and no further episodes were seen.",
        ((HR, 90), (QTC, 520)),
    ),
    Said(
        "PR 180→230 ms over 48 h (root abscess?), HR 98, QRS 92.",
        ((PR, 230), (HR, 98), (QRS, 92)),
    ),
    Said(
        "A 24-year-old rower has a resting heart rate of 46/min, a PR of 230 ms and an R "
        "wave of 3.8 mV in V5. These are training-related. Option D is correct.",
        ((HR, 46), (PR, 230), ("R V5 mV", 3.8)),
    ),
    Said(
        "* Rhythm: sinus arrhythmia\n* Rate: between 60 and 80 bpm\n* PR: 0.12–0.14 s\n"
        "* QRS: 0.08 s\n* QTc: around 400 ms",
        ((HR, 70), (PR, 130), (QRS, 80), (QTC, 400)),
    ),
    Said(
        "{'HeartRate': 105, 'PRInterval': 128, 'QRSDuration': 84, 'QTInterval': 334, "
        "'QTcInterval': 442, 'PAxis': 66, 'QRSAxis': 74, 'TAxis': 51}",
        ((HR, 105), (PR, 128), (QRS, 84), (QT, 334), (QTC, 442), (PA, 66), (AX, 74), (TA, 51)),
    ),
    Said(
        '{"measurements": {"heart_rate": {"value": 72, "unit": "bpm"}, "qrs_duration": '
        '{"value": 0.092, "unit": "s"}, "qtc_fridericia": {"value": 424, "unit": "ms"}}}',
        ((HR, 72), (QRS, 92), (QTF, 424)),
    ),
    Said(
        "OBX|1|NM|8867-4^Heart rate||76|/min\nOBX|2|NM|8625-6^P-R Interval||158|ms\n"
        "OBX|3|NM|8633-0^QRS duration||90|ms\nOBX|4|NM|8634-8^Q-T interval||386|ms",
        ((HR, 76), (PR, 158), (QRS, 90), (QT, 386)),
    ),
    Said(
        "SINUS RHYTHM 71 BPM. FIRST DEGREE AV BLOCK, PR 224 MS. LEFT AXIS DEVIATION, AXIS "
        "-41. QRS 102 MS. QTC 440 MS. ABNORMAL ECG. UNCONFIRMED.",
        ((HR, 71), (PR, 224), (AX, -41), (QRS, 102), (QTC, 440)),
    ),
    Said(
        "Idioventricular rhythm, about 36 a minute, QRS 0.16 sec. Family informed.",
        ((HR, 36), (QRS, 160)),
    ),
    Said(
        "ECG before first dose of clozapine 12.5 mg: HR 95, QTc 431 ms. Repeat in 4 weeks; "
        "stop if QTc rises by 60 ms.",
        ((HR, 95), (QTC, 431)),
    ),
    Said(
        "Thank you for seeing this 66-year-old gentleman with dizzy spells. His ECG in "
        "surgery today: rate 50 bpm, PR interval 0.32 seconds, QRS 0.11 seconds. BP "
        "162/94. He takes verapamil 240 mg.",
        ((HR, 50), (PR, 320), (QRS, 110)),
    ),
    Said(
        "HR:\n 63\nPR:\n 148\nQRS:\n 90\nQTc:\n 416",
        ((HR, 63), (PR, 148), (QRS, 90), (QTC, 416)),
    ),
    Said(
        "qrs duration: 0,11sec ; pr: 0,17 sec ; rate: 74/min ; qtc : 0,42sec",
        ((QRS, 110), (PR, 170), (HR, 74), (QTC, 420)),
    ),
    Said(
        "Posterior MI: ST -0.2 mV in V2, ST -0.25 mV in V3, R in V2 0.9 mV. V7-V9 recorded: ST up.",
        (("ST V2 mV", -0.2), ("ST V3 mV", -0.25), ("R V2 mV", 0.9)),
    ),
    Said(
        "Neonate, 3 days old. HR 138/min, PR 100 ms, QRS 60 ms, QRS axis +135°, QTc 440 "
        "ms, R in V1 1.5 mV.",
        ((HR, 138), (PR, 100), (QRS, 60), (AX, 135), (QTC, 440), ("R V1 mV", 1.5)),
    ),
    Said(
        "COPD. Right axis +112 deg, HR 89, R V1 0.9 mV, S V6 0.7 mV, P II 0.28 mV (P "
        "pulmonale: >0.25 mV).",
        ((AX, 112), (HR, 89), ("R V1 mV", 0.9), ("S V6 mV", 0.7), ("P II mV", 0.28)),
    ),
    Said(
        "Haert rate 70/min, PR interavl 160 ms, QRS duratoin 100 ms, QT intervall 400 ms; "
        "QTc accordng to Bazet 432 ms.",
        ((HR, 70), (PR, 160), (QRS, 100), (QT, 400), (QTC, 432)),
    ),
    Said(
        "Flutter with 4:1 conduction, flutter waves at 300/min, ventricles at 75/min, QRS 88 ms.",
        ((HR, 75), (QRS, 88)),
    ),
    Said(
        "At Day 15 (2 h after 400 mg) the mean of triplicate readings was: HR 66 bpm, PR "
        "170 ms, QRS 94 ms, QTcF 441 ms, i.e. a change from baseline of +12 ms.",
        ((HR, 66), (PR, 170), (QRS, 94), (QTF, 441)),
    ),
    Said(
        "QT 0.36 s with RR 0.75 s, so QTc = 0.36/√0.75 = 0.416 s (Bazett); rate 80.",
        ((QT, 360), (RR, 750), (QTC, 416), (HR, 80)),
    ),
)

SETS = {"first": FIRST, "second": SECOND, "third": THIRD, "fourth": FOURTH, "fifth": FIFTH}

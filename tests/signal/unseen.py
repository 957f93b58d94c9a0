"""Texts in forms that were met elsewhere, with other numbers: not those of `paraphrases`.

`FIRST` was written when `signal.claims` was finished and had seen `paraphrases` alone, `SECOND`
when what `FIRST` had shown was mended. Each is a text and what it claims, or leaves the recorder's.
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
    Said("T wave amplitude 0.4 mV in V3, ST +1.2 mm in V2, J point 0.1 mV", ()),
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


def claiming(texts: tuple[Said, ...]) -> int:
    """How many claims are in texts."""
    return sum(len(one.claims) for one in texts)

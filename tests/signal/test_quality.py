"""A second is trusted when a heartbeat could be read from it, and a fault says why it cannot."""

from __future__ import annotations

import numpy as np
import pytest

from auditor.data.readers.wfdb import Wfdb
from auditor.signal.filters import clean
from auditor.signal.quality import Fault, faults, swapped, trusted

FS = 100
ROUND = 500


def beats(n_seconds=10, fs=ROUND, noise=0.005, rr=0.8):
    """Two leads of narrow QRS and broad T waves."""
    t = np.arange(n_seconds * fs) / fs
    phase = (t % rr) - 0.3
    lead = np.exp(-0.5 * (phase / 0.012) ** 2) + 0.25 * np.exp(-0.5 * ((phase - 0.25) / 0.05) ** 2)
    leads = np.array([[1.0], [0.4]]) * lead
    return (leads + np.random.default_rng(0).normal(0, noise, leads.shape)).astype(np.float32)


@pytest.fixture
def signal():
    return beats(fs=FS)


def test_an_ordinary_signal_is_trusted_throughout(signal):
    assert trusted(signal, FS).shape == (2, 10)
    assert trusted(signal, FS).all()


@pytest.mark.parametrize(
    ("defect", "fault"),
    [
        (lambda second: np.full_like(second, 0.7), Fault.FLAT),
        (lambda second: np.where(np.arange(len(second)) < 60, 0, second), Fault.FLAT),
        (lambda second: np.full_like(second, np.nan), Fault.MISSING),
        (lambda second: second * 1000, Fault.LOST_CONTACT),
        (
            lambda second: np.where(np.arange(len(second)) < 20, np.nan, second),
            Fault.MISSING,
        ),
        (lambda second: np.where(np.arange(len(second)) == 50, -163, second), Fault.LOST_CONTACT),
        (lambda second: np.where(np.arange(len(second)) > 50, 6, second), Fault.LOST_CONTACT),
        (lambda second: np.where(np.arange(len(second)) > 80, 5, second), Fault.SATURATED),
        (
            lambda second: second + np.random.default_rng(1).normal(0, 1, len(second)),
            Fault.NOISY,
        ),
    ],
    ids=[
        "flat",
        "flat for more than half",
        "missing",
        "beyond any heart",
        "a fifth missing",
        "a spike",
        "a step",
        "a rail",
        "noise",
    ],
)
def test_one_bad_second_of_one_lead_is_not_trusted_and_the_others_are(signal, defect, fault):
    signal[1, 3 * FS : 4 * FS] = defect(signal[1, 3 * FS : 4 * FS])
    seen = faults(signal, FS)
    assert seen[1, 3] & fault
    assert np.count_nonzero(seen) == 1


def test_the_last_second_may_be_a_part_of_one(signal):
    assert trusted(signal[:, : 9 * FS + 30], FS).shape == (2, 10)
    assert trusted(signal[:, : 9 * FS + 30], FS).all()


@pytest.mark.parametrize("n_samples", [0, 1, 30])
def test_less_than_a_second_is_one_second_or_none(signal, n_samples):
    assert trusted(signal[:, :n_samples], FS).shape == (2, min(n_samples, 1))


@pytest.mark.parametrize("fs", [0.5, 1, 2, 10])
def test_nothing_is_trusted_that_is_sampled_too_seldom_to_hold_a_beat(signal, fs):
    assert not trusted(signal, fs).any()


@pytest.mark.parametrize("fs", [20, 99.5, 128, 257, 360])
def test_any_other_sampling_frequency_will_do(fs):
    assert trusted(beats(fs=round(fs)), fs).shape[0] == 2


def test_a_batch_is_judged_as_its_records_are(signal):
    bad = signal.copy()
    bad[0, 200:300] = np.nan
    both = faults(np.stack([signal, bad]), FS)
    assert both.shape == (2, 2, 10)
    assert (both == np.stack([faults(signal, FS), faults(bad, FS)])).all()


def test_a_dead_lead_is_flat_and_the_living_are_trusted(signal):
    signal[1] = np.random.default_rng(2).normal(0, 0.001, signal.shape[1])
    assert (faults(signal, FS)[1] == Fault.FLAT).all()
    assert trusted(signal, FS)[0].all()


def test_a_lead_of_nothing_but_noise_is_mostly_noisy():
    noise = np.random.default_rng(4).normal(0, 0.3, (4, 30 * ROUND)).astype(np.float32)
    assert (faults(noise, ROUND) & Fault.NOISY > 0).mean() > 0.8


def test_mains_and_wander_as_large_as_the_beats_leave_them_readable():
    t = np.arange(10 * ROUND) / ROUND
    mains, wander = 0.4 * np.sin(2 * np.pi * 50 * t), np.sin(2 * np.pi * 0.3 * t)
    assert trusted((beats()[:1] + mains + wander).astype(np.float32), ROUND).all()


def test_a_large_smooth_beat_is_no_noise():
    signal = beats()
    t = np.arange(10 * ROUND) / ROUND
    signal[1] += (3 * np.sin(2 * np.pi * 3 * t) * ((t > 4) & (t < 5))).astype(np.float32)
    assert trusted(signal, ROUND).all()


@pytest.mark.parametrize("step", [0.001, 0.005, 0.02])
@pytest.mark.parametrize("fs", [100, 250, 500, 1000])
def test_peaks_of_a_coarsely_quantised_signal_are_not_saturated(fs, step):
    signal = np.round(beats(fs=fs, noise=0.0) / step) * step
    signal += 0.02 * np.arange(signal.shape[1]) / signal.shape[1]  # 0 where nothing moves is flat
    assert not (faults(signal.astype(np.float32), fs) & Fault.SATURATED).any()


def test_beats_cut_off_at_a_rail_are_saturated():
    clipped = np.clip(beats(rr=0.5), None, 0.2)
    assert (faults(clipped, ROUND)[0] & Fault.SATURATED > 0).all()


def read(data, record):
    folder, name = record.split("/", 1)
    return Wfdb().read(data / folder, name)


@pytest.mark.data
@pytest.mark.parametrize("person", ["Person_76/rec_2", "Person_88/rec_1"])
def test_spikes_near_the_end_of_sixteen_bits_are_lost_contact(data, person):
    import wfdb

    raw = wfdb.rdrecord(str(data / "ecgiddb" / person)).p_signal.T.astype(np.float32)
    spiked = np.unique(np.argwhere(raw[0] < -100)[:, 0] // 500)
    assert spiked.size
    assert (faults(raw, 500)[0, spiked] & Fault.LOST_CONTACT).all()


@pytest.mark.data
@pytest.mark.parametrize(("person", "lost"), [("Person_13/rec_2", 2), ("Person_24/rec_5", 2)])
def test_a_beginning_of_one_value_is_flat(data, person, lost):
    import wfdb

    raw = wfdb.rdrecord(str(data / "ecgiddb" / person)).p_signal.T.astype(np.float32)
    assert (faults(raw, 500)[:, :lost] & Fault.FLAT).all()
    assert trusted(raw, 500)[:, 5:].all()


@pytest.mark.data
def test_a_record_of_a_wrong_gain_is_flat(data):
    found = read(data, "challenge-2021/S0001")
    assert (faults(found.signal, found.fs) & Fault.FLAT).all()


@pytest.mark.data
@pytest.mark.parametrize("folder", ["ludb", "ecgiddb", "ptb-xl"])
def test_ordinary_records_are_nearly_all_trusted(data, folder):
    reader = Wfdb()
    shares = []
    for record in reader.find(data / folder)[::8]:
        found = reader.read(data / folder, record)
        held = ~np.isnan(found.signal).any(axis=0)
        shares.append(trusted(found.signal[:, held], found.fs).mean())
    assert np.mean(shares) > 0.995


def interchanged(average, electrodes):
    """The twelve leads as they would be with two limb electrodes swapped."""
    one, two, three, right, left, foot, *chest = average
    limbs = {
        "RA-LA": (-one, three, two, left, right, foot),
        "RA-LL": (-three, -two, -one, foot, left, right),
        "LA-LL": (two, one, -three, right, foot, left),
    }
    return np.stack([*limbs[electrodes], *chest])


@pytest.fixture(scope="module")
def averages(data):
    """The average beat of records of ludb, R at sample 75 of 200."""
    import wfdb

    found = []
    for number in range(1, 60):
        path = data / "ludb" / "data" / str(number)
        if path.with_suffix(".hea").is_file():
            record = read(data, f"ludb/data/{number}")
            marks = wfdb.rdann(str(path), "ii")
            r = marks.sample[np.array(marks.symbol) == "N"] // 2
            windows = clean(record.signal, record.fs)[:, r[:, None] + np.arange(-75, 125)]
            found.append(np.median(windows, axis=1))
    return found


LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")


@pytest.mark.data
@pytest.mark.parametrize("electrodes", ["RA-LA", "RA-LL"])
def test_most_swaps_of_the_right_arm_are_seen(averages, electrodes):
    seen = [swapped(interchanged(beat, electrodes), LEADS, 75, 250) for beat in averages]
    assert seen.count(electrodes) > 0.7 * len(seen)
    assert len(seen) - seen.count(electrodes) - seen.count(None) <= 0.05 * len(seen)


@pytest.mark.data
def test_no_swap_is_seen_where_there_is_none_that_can_be_known(averages):
    assert [swapped(beat, LEADS, 75, 250) for beat in averages] == [None] * len(averages)
    legs = [swapped(interchanged(beat, "LA-LL"), LEADS, 75, 250) for beat in averages]
    assert legs == [None] * len(averages)


def test_no_swap_is_seen_without_the_leads_that_tell(signal):
    average = -np.abs(beats(1))
    for leads in (("V5", "MLII"), ("I", "II"), ("II", "V5")):
        assert swapped(average, leads, 150, ROUND) is None

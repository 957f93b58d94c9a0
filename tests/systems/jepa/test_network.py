"""ECG-JEPA is the authors' own, number by number, and learns what it is asked."""

from __future__ import annotations

import json
from dataclasses import replace
from math import sin
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from auditor.core.errors import EvidenceError, ModelError, SignalError
from auditor.core.record import STANDARD_LEADS
from auditor.core.streams import stream
from auditor.learning.fit import fit
from auditor.learning.schedule import Schedule
from auditor.systems.jepa import network as jepa
from auditor.systems.jepa.network import (
    JEPA,
    LEADS,
    Classifier,
    Encoder,
    JEPAConfig,
    classification_loss,
    create,
    disagreement,
    load_published,
    load_published_encoder,
    objective,
    prepare,
    probe,
    published_name,
    represent,
    update_teacher,
)
from tests.systems.parity import assert_same

#: The size of the authors' numbers.
THEIRS = JEPAConfig(
    width=48, depth=2, heads=4, predictor_width=24, predictor_depth=2, predictor_heads=3
)
TINY = JEPAConfig(
    width=16, depth=2, heads=2, predictor_width=8, predictor_depth=1, predictor_heads=2
)
KINDS = ["block", "random"]


@pytest.fixture(scope="module")
def io(parity: Path) -> dict[str, torch.Tensor]:
    return load_file(parity / "jepa" / "io.safetensors")


@pytest.fixture(scope="module")
def theirs(parity: Path) -> JEPA:
    return load_published(parity / "jepa" / "weights.safetensors", THEIRS)


@pytest.fixture(scope="module")
def schedules(parity: Path) -> dict:
    return json.loads((parity / "jepa" / "schedules.json").read_text())


@pytest.fixture(scope="module")
def model() -> JEPA:
    return create(TINY, stream(0, "model")).eval()


def waves(n: int = 4, seed: int = 0) -> torch.Tensor:
    """(n, 8, 2500) mV, each of its own frequency."""
    rng = stream(seed, "waves")
    hz = rng.uniform(1, 8, (n, 1, 1))
    height = rng.uniform(0.5, 1.5, (n, 8, 1))
    t = np.arange(2500) / 250
    return torch.from_numpy(height * np.sin(2 * np.pi * hz * t)).float()


def near(found: np.ndarray, wanted: np.ndarray, by: float) -> None:
    assert found.shape == wanted.shape
    assert np.abs(found - wanted).max() < by


def outputs(modules, run) -> list[torch.Tensor]:
    """What each of some modules returns while `run` runs."""
    found: list[torch.Tensor] = []
    hooks = [one.register_forward_hook(lambda _, __, out: found.append(out)) for one in modules]
    run()
    for hook in hooks:
        hook.remove()
    return found


# --- as the authors' code -----------------------------------------------------------------


def test_tokens_and_positions_are_those_of_the_authors(io, theirs):
    assert_same(theirs.student.patches(io["x"].reshape(2, 400, 50)), io["patch_tokens"])
    assert_same(jepa.positions(8, 50, 48), io["pos_embed_encoder"])
    assert_same(jepa.positions(1, 50, 24), io["pos_embed_predictor"])


@pytest.mark.parametrize(("name", "size"), [("8x50", (8, 50)), ("3x5", (3, 5)), ("II_V1", (2, 50))])
def test_attention_crosses_where_the_authors_does(io, name, size):
    assert torch.equal(jepa.cross_pattern(*size), io[f"cropa_mask_{name}"].bool())


@pytest.mark.parametrize("kind", KINDS)
def test_every_stage_is_that_of_the_authors(io, theirs, kind):
    masked = io[f"{kind}/mask"].bool()
    students = [*theirs.student.blocks, theirs.student]
    predictors = [*theirs.predictor.blocks, theirs.predictor]
    found = outputs(students + predictors, lambda: disagreement(theirs, io["x"], masked))
    names = ["student_block0", "student_block1", "student"]
    names += ["predictor_block0", "predictor_block1", "prediction"]
    compared = [name for name in names if f"{kind}/{name}" in io]
    assert len(compared) >= 2
    for name, one in zip(names, found, strict=True):
        if name in compared:
            assert_same(one, io[f"{kind}/{name}"])
    last = theirs.predictor.project(theirs.predictor.norm(found[4]))
    assert_same(last.reshape(2, 400, 48), io[f"{kind}/predictor"])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("distance", ["smooth_l1", "l1"])
def test_the_loss_and_its_target_are_those_of_the_authors(
    io, theirs, parity, kind, distance, monkeypatch
):
    masked = io[f"{kind}/mask"].bool()
    model = load_published(
        parity / "jepa" / "weights.safetensors", replace(THEIRS, distance=distance)
    )
    told = []
    distances = jepa._DISTANCES[distance]

    def spy(predicted, target, **settings):
        told.append(target)
        return distances(predicted, target, **settings)

    monkeypatch.setitem(jepa._DISTANCES, distance, spy)
    found = disagreement(model, io["x"], masked).detach()
    assert float(found.mean()) == pytest.approx(float(io[f"{kind}/loss_{distance}"]), rel=1e-6)
    assert_same(told[0], io[f"{kind}/target"])


def test_the_teacher_sees_everything(io, theirs):
    assert_same(theirs.teacher(io["x"]), io["block/teacher"])


def test_the_gradient_is_that_of_the_authors(io, parity):
    model = load_published(parity / "jepa" / "weights.safetensors", THEIRS)
    disagreement(model, io["x"], io["block/mask"].bool()).mean().backward()
    own = dict(model.named_parameters())
    names = [name for name in io if name.startswith("block/grad/")]
    assert len(names) == 5
    for name in names:
        assert_same(own[published_name(name.removeprefix("block/grad/"))].grad, io[name])
    assert all(one.grad is None for one in model.teacher.parameters())


def test_the_representation_is_that_of_the_authors(io, theirs):
    x = io["x"]
    assert_same(represent(theirs.student, x), io["representation"])
    assert_same(represent(theirs.student, x[:, [1, 2]], ("II", "V1")), io["representation_II_V1"])
    assert_same(represent(theirs.student, x[:, [1]], ("II",)), io["representation_II"])


def test_the_teacher_follows_as_the_authors_does(io, parity):
    model = load_published(parity / "jepa" / "weights.safetensors", THEIRS)
    update_teacher(model.teacher, model.student, 0.996)
    own = dict(model.teacher.named_parameters())
    names = [name for name in io if name.startswith("ema_0.996/")]
    assert names
    for name in names:
        key = published_name(name.removeprefix("ema_0.996/"))
        assert_same(own[key], io[name])


def test_the_published_size_has_the_published_tensors(parity):
    published = json.loads((parity / "jepa" / "names.json").read_text())
    with torch.device("meta"):
        model = JEPA()
    own = {name: list(one.shape) for name, one in model.state_dict().items()}
    assert own == {published_name(name): shape for name, shape in published["model"].items()}
    n_encoder = sum(one.numel() for one in model.student.state_dict().values())
    assert n_encoder == published["parameters_encoder"] == pytest.approx(85e6, rel=0.01)
    n_trained = sum(one.numel() for one in model.parameters() if one.requires_grad)
    assert n_trained == published["parameters_trainable"]
    assert model.student.positions.shape[0] == 400
    with torch.device("meta"):
        assert model.student(torch.empty(1, 8, 2500)).shape == (1, 400, 768)


def test_the_schedules_are_those_of_the_authors(schedules):
    for step, wanted in schedules["ema_momentum"].items():
        assert jepa.momentum(int(step), 10_000) == pytest.approx(wanted, rel=1e-12)
    pretraining = jepa.pretraining_schedule(THEIRS, per_epoch=100)
    for step, wanted in schedules["pretrain_lr_peak_5e-5_by_step"].items():
        assert pretraining.at(int(step)) == pytest.approx(wanted, rel=1e-12)
    probing = jepa.probe_schedule(per_epoch=100)
    for step, wanted in schedules["probe_lr_by_step_100_per_epoch_10_epochs"].items():
        assert probing.at(int(step)) == pytest.approx(wanted, rel=1e-12)


def test_each_kind_of_mask_has_its_published_rate_and_batch(parity):
    full = json.loads((parity / "jepa" / "config.json").read_text())["full"]
    for kind in KINDS:
        schedule = jepa.pretraining_schedule(replace(THEIRS, masks=kind), per_epoch=10)
        assert (schedule.learning_rate, schedule.batch) == (full[kind]["lr"], full[kind]["batch"])
        assert (schedule.steps, schedule.warm_up) == (
            10 * full["epochs"],
            10 * full["warmup_epochs"],
        )
        assert (schedule.floor, schedule.weight_decay) == (full["lr_min"], full["weight_decay"])
        assert schedule.betas == tuple(full["betas"])
    assert jepa.fine_tuning_schedule(per_epoch=10).learning_rate == pytest.approx(6.25e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_masks_follow_the_published_law(schedules, kind):
    law = schedules["masks"][kind]
    generator = torch.Generator().manual_seed(0)
    masks = torch.stack([jepa.MASKS[kind](generator) for _ in range(4000)]).double()
    counts = masks.sum(dim=1)
    wanted = law["masked_patches"]
    assert float(counts.mean()) == pytest.approx(wanted["mean"], abs=5 * wanted["sd"] / 4000**0.5)
    assert float(counts.std()) == pytest.approx(wanted["sd"], rel=0.06)
    assert wanted["min"] <= counts.min()
    assert counts.max() <= wanted["max"]
    for count, share in wanted["share"].items():
        spread = (share / 4000) ** 0.5
        assert float((counts == int(count)).double().mean()) == pytest.approx(
            share, abs=5 * spread + 1e-3
        )
    frequency = torch.tensor(law["frequency_by_patch"], dtype=torch.float64)
    assert (masks.mean(dim=0) - frequency).abs().max() < 5 * 0.5 / 4000**0.5


def test_a_block_has_eight_to_eleven_times_with_the_published_chances(schedules, monkeypatch):
    monkeypatch.setattr(jepa, "_BLOCKS", 1)
    generator = torch.Generator().manual_seed(0)
    masks = torch.stack([jepa.block_mask(generator) for _ in range(4000)])
    lengths = masks.sum(dim=1)
    for length, share in schedules["masks"]["block"]["block_length_probability"].items():
        assert float((lengths == int(length)).double().mean()) == pytest.approx(share, abs=0.04)
    edges = masks.diff(dim=1).sum(dim=1)  # one rise, one fall: the block is of one piece
    assert edges.max() <= 2
    assert masks[:, 0].any()
    assert masks[:, 48].any()
    assert not masks[:, 49].any()


def test_recordings_are_resampled_as_the_authors_do(parity):
    folder = parity / "transforms"
    numbers = {name: one.numpy() for name, one in load_file(folder / "io.safetensors").items()}
    leads = json.loads((folder / "config.json").read_text())["lead_order_of_raw"]
    for raw, fs, wanted, squeezed in (
        ("raw_500hz_mV", 500.0, "from_500hz", False),
        ("raw_400hz_4096_samples_mV", 400.0, "from_400hz_4096_samples", True),
    ):
        found = prepare(numbers[raw], fs, leads, squeezed=squeezed)
        expected = numbers[f"jepa/{wanted}"]
        assert found.dtype == np.float32
        near(found, expected, 1e-5 * np.abs(expected).max())


def test_public_checkpoints_hold_the_student_alone(io, parity, theirs, tmp_path: Path):
    named = json.loads((parity / "jepa" / "names.json").read_text())["public_checkpoint"]["encoder"]
    weights = load_file(parity / "jepa" / "weights.safetensors")
    bare = {
        name.removeprefix("encoder."): one
        for name, one in weights.items()
        if name.startswith("encoder.")
    }
    assert {name.split(".")[0] for name in named} == {name.split(".")[0] for name in bare}
    for prefix in ("", "encoder."):
        held = {prefix + name: one for name, one in bare.items()} | {"epoch": torch.tensor(100)}
        save_file(held, tmp_path / "public.safetensors")
        encoder = load_published_encoder(tmp_path / "public.safetensors", THEIRS)
        assert_same(represent(encoder, io["x"]), io["representation"])
    whole = load_published_encoder(parity / "jepa" / "weights.safetensors", THEIRS)
    assert_same(represent(whole, io["x"]), io["representation"])
    with pytest.raises(ModelError, match=r"missing predictor"):
        load_published(tmp_path / "public.safetensors", THEIRS)


def test_weights_of_another_size_are_refused(parity):
    with pytest.raises(ModelError):
        load_published(parity / "jepa" / "weights.safetensors", TINY)


# --- what is read -------------------------------------------------------------------------


def recording(fs: float = 500.0, seconds: float = 10.0, hz: float = 5.0) -> np.ndarray:
    """(12, n_samples) mV in clinicians' order; lead number k has a height of k + 1."""
    t = np.arange(round(fs * seconds)) / fs
    return np.outer(np.arange(1, 13), np.cos(2 * np.pi * hz * t)).astype(np.float32)


@settings(max_examples=20)
@given(st.permutations(STANDARD_LEADS), st.sampled_from([128.0, 250.0, 360.0, 500.0, 1000.0]))
def test_leads_are_found_by_name_at_any_frequency(order, fs):
    rows = [STANDARD_LEADS.index(lead) for lead in order]
    found = prepare(recording(fs)[rows], fs, order)
    t = np.arange(2500) / 250
    heights = [STANDARD_LEADS.index(lead) + 1 for lead in LEADS]
    assert np.allclose(found, np.outer(heights, np.cos(2 * np.pi * 5 * t)), rtol=0, atol=1e-3)


def test_what_follows_ten_seconds_is_cut_off_unless_it_is_squeezed_in():
    long = recording(400.0, 10.24)
    cut, squeezed = (prepare(long, 400.0, STANDARD_LEADS, squeezed=one) for one in (False, True))
    near(cut, prepare(recording(400.0), 400.0, STANDARD_LEADS), 1e-6)
    crossings = [int((np.diff(np.sign(one[0])) != 0).sum()) for one in (cut, squeezed)]
    assert crossings == [100, pytest.approx(102.4, abs=1)]


def test_unfit_recordings_are_refused_with_a_reason():
    good = recording()
    # As the authors, who look at the first 15 samples at 500 Hz.
    fourteen, fifteen = good.copy(), good.copy()
    fourteen[:, :14], fifteen[:, :15] = 0, 0
    prepare(fourteen, 500.0, STANDARD_LEADS)
    gap = good.copy()
    gap[1, 700] = np.nan
    for bad, said in ((fifteen, "zeros"), (gap, "missing"), (good[:, :4999], "lasts")):
        with pytest.raises(SignalError, match=said):
            prepare(bad, 500.0, STANDARD_LEADS)
    with pytest.raises(SignalError, match="has no lead V6"):
        prepare(good[:11], 500.0, STANDARD_LEADS[:11])
    assert prepare(good[1:2], 500.0, ("II",), wanted=("II",)).shape == (1, 2500)
    unread = good.copy()
    unread[2, 700] = np.nan  # lead III is not read
    assert np.isfinite(prepare(unread, 500.0, STANDARD_LEADS)).all()


@pytest.mark.parametrize(("hz", "gain"), [(0.1, 0.0), (5.0, 1.0), (20.0, 1.0), (90.0, 0.0)])
def test_filtered_signals_hold_the_band_alone(hz, gain):
    found = prepare(recording(hz=hz), 500.0, STANDARD_LEADS, filtered=True)
    plain = prepare(recording(hz=hz), 500.0, STANDARD_LEADS)
    middle = slice(500, 2000)
    ringing = np.abs(found[:, middle] - gain * plain[:, middle])  # the ends ring more
    assert ringing.max() < 0.08 * plain.max()


# --- how it is built ----------------------------------------------------------------------


def test_every_token_may_attend_to_57():
    allowed = jepa.cross_pattern(8, 50)
    assert allowed.shape == (400, 400)
    assert (allowed.sum(dim=1) == 57).all()
    assert torch.equal(allowed, allowed.T)


def test_one_block_lets_a_token_reach_its_lead_and_its_time_alone():
    encoder = create(replace(TINY, depth=1), stream(0, "")).student.eval()
    x = waves(1)
    moved = x.clone()
    moved[:, 3, 10 * 50 : 11 * 50] += 1.0  # lead V2, time 10
    changed = (encoder(x) - encoder(moved)).abs().amax(dim=2).reshape(8, 50) > 0
    expected = torch.zeros(8, 50, dtype=torch.bool)
    expected[3], expected[:, 10] = True, True
    assert torch.equal(changed, expected)


def test_the_student_knows_nothing_of_what_is_hidden(model):
    masked = torch.arange(50) % 3 == 0
    x = waves()
    other = torch.where(masked.repeat_interleave(50), -x, x)
    seen = [model.student(one, visible=~masked) for one in (x, other)]
    assert torch.equal(*seen)
    assert not torch.equal(disagreement(model, x, masked), disagreement(model, other, masked))


def test_the_order_of_leads_does_not_matter_but_their_names_do(model):
    x = waves()
    order = [5, 0, 7, 2]
    leads = tuple(LEADS[at] for at in order)
    some = represent(model.student, x[:, sorted(order)], tuple(LEADS[at] for at in sorted(order)))
    assert_same(represent(model.student, x[:, order], leads), some)
    renamed = represent(model.student, x[:, order], leads[::-1])
    assert (renamed - some).abs().max() > 1e-4


def test_signals_that_do_not_fit_their_leads_are_refused(model):
    x = waves()
    with pytest.raises(ValueError, match=r"wanted \(B, 2, 2500\)"):
        model.student(x, ("I", "II"))
    for leads in (("I", "I"), ("I", "aVR"), ()):
        with pytest.raises(ValueError, match="wanted some of"):
            model.student(x[:, : len(leads)], leads)


def test_initial_weights_shrink_with_depth_and_the_teacher_starts_as_the_student():
    model = create(JEPAConfig.small(), stream(1, "model"))
    for blocks in (model.student.blocks, model.predictor.blocks):
        for layer, block in enumerate(blocks, start=1):
            assert float(block.qkv.weight.detach().std()) == pytest.approx(0.02, rel=0.1)
            for out in (block.proj, block.fc2):
                wanted = 0.02 / (2 * layer) ** 0.5
                assert float(out.weight.detach().std()) == pytest.approx(wanted, rel=0.1)
                assert not out.bias.any()
    pairs = zip(model.student.parameters(), model.teacher.parameters(), strict=True)
    assert all(torch.equal(*pair) and not pair[1].requires_grad for pair in pairs)


@pytest.mark.parametrize(
    "settings",
    [
        {"heads": 5},
        {"depth": 0},
        {"width": 6, "heads": 2},
        {"predictor_heads": 7},
        {"drop_path": 1.0},
        {"masks": "edges"},
        {"distance": "l2"},
    ],
)
def test_a_shape_that_cannot_be_is_refused(settings):
    with pytest.raises(ValueError, match=r"wanted|unknown"):
        replace(TINY, **settings)


def test_positions_are_sines_then_cosines_of_time_then_lead():
    table = jepa.positions(3, 5, 8).reshape(3, 5, 8)
    assert float(table[1, 4, 0]) == pytest.approx(sin(4))
    assert float(table[1, 4, 1]) == pytest.approx(sin(4 / 100))
    assert float(table[2, 4, 4]) == pytest.approx(sin(2))
    assert torch.equal(table[0, :, 4:], torch.tensor([0.0, 0, 1, 1]).expand(5, 4))


# --- how it learns ------------------------------------------------------------------------


def test_the_objective_draws_from_its_generator_alone():
    model = create(replace(TINY, drop_path=0.5), stream(0, "model")).train()
    before = torch.get_rng_state()
    x = waves()

    def asked(seed: int) -> float:
        return float(objective(model, x, torch.Generator().manual_seed(seed)).detach())

    assert asked(0) == asked(0)
    assert len({asked(seed) for seed in range(4)}) == 4
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("noisy", [False, True])
def test_the_teacher_drops_paths_only_where_it_is_told_to(noisy):
    config = replace(TINY, drop_path=0.5, noisy_teacher=noisy)
    model = create(config, stream(0, "model"))
    model.train()
    assert model.student.training
    assert model.teacher.training is noisy
    x = waves()
    told = [model.teacher(x, generator=torch.Generator().manual_seed(seed)) for seed in range(2)]
    assert torch.equal(*told) is not noisy
    assert not model.eval().teacher.training


def test_a_dropped_path_is_made_up_for_by_those_that_are_kept():
    block = create(replace(TINY, drop_path=0.5), stream(0, "model")).student.blocks[1].train()
    branch = torch.ones(20_000, 1, 1)
    kept = block._kept(branch, torch.Generator().manual_seed(0))
    assert set(kept.flatten().tolist()) == {0.0, 2.0}
    assert float(kept.mean()) == pytest.approx(1, abs=0.05)
    assert torch.equal(block.eval()._kept(branch, None), branch)


@pytest.mark.parametrize("kind", KINDS)
def test_training_lowers_what_it_is_asked_to_lower(kind):
    model = create(replace(TINY, masks=kind), stream(0, "model"))
    x = waves(16)
    before = model.teacher.patches.weight.clone()

    def after(step: int) -> None:
        update_teacher(model.teacher, model.student, jepa.momentum(step, 25))

    losses = fit(
        model,
        lambda rows, generator: objective(model, x[rows], generator),
        np.arange(16),
        Schedule(steps=25, batch=8, learning_rate=3e-3),
        seed=0,
        name="test",
        after=after,
    ).loss
    assert np.mean(losses[-5:]) < 0.8 * np.mean(losses[:5])
    moved = (model.teacher.patches.weight - before).abs().max()
    assert 0 < moved < (model.student.patches.weight - before).abs().max()


def test_a_disagreement_is_of_a_record_whatever_is_beside_it(model):
    masked = torch.arange(50) < 20
    x = waves()
    alone = torch.cat([disagreement(model, one[None], masked) for one in x])
    assert_same(disagreement(model, x, masked), alone)


# --- what it is good for ------------------------------------------------------------------


def people(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Features of two records of each of n people, and whose they are."""
    rng = stream(seed, "people")
    own = rng.standard_normal((n, 6))
    both = np.repeat(own, 2, axis=0) + 0.1 * rng.standard_normal((2 * n, 6))
    return both.astype(np.float32), np.repeat(np.arange(n), 2)


def said(linear, features) -> np.ndarray:
    with torch.inference_mode():
        return linear(torch.from_numpy(features)).numpy()


def test_a_probe_finds_what_is_linear_in_the_features():
    features, subject = people(150)
    others, _ = people(150, seed=1)
    both = np.stack([features[:, 0] > 0, features[:, 1] > 0.5], axis=1)
    found = said(probe(features, both, subject, seed=0), others)
    assert found.shape == (300, 2)
    truth = np.stack([others[:, 0] > 0, others[:, 1] > 0.5], axis=1)
    assert ((found > 0) == truth).mean() > 0.8
    three = np.digitize(features[:, 2], [-0.5, 0.5])
    found = said(probe(features, three, subject, seed=0), others)
    assert found.shape == (300, 3)
    assert (found.argmax(axis=1) == np.digitize(others[:, 2], [-0.5, 0.5])).mean() > 0.7


def test_a_probe_finds_nothing_where_nothing_is():
    features, subject = people(100)
    others, _ = people(100, seed=1)
    coin = stream(0, "coin")
    labels = np.repeat(coin.random(100) < 0.5, 2)[:, None]
    truth = np.repeat(coin.random(100) < 0.5, 2)
    right = ((said(probe(features, labels, subject, seed=0), others)[:, 0] > 0) == truth).mean()
    assert 0.3 < right < 0.7  # 100 people: four standard errors are 0.2


def test_those_who_are_held_back_are_whole_people_and_choose_the_epoch(monkeypatch):
    features = stream(0, "noise").standard_normal((120, 100)).astype(np.float32)
    subject = np.repeat(np.arange(60), 2)
    labels = np.repeat(stream(0, "coin").random(60) < 0.5, 2)[:, None]  # what is learned is chance
    asked = []

    def spy(linear, objective, rows, schedule, **settings):
        def after(step):
            last[:] = linear.weight.detach().clone(), linear.bias.detach().clone()

        last = []
        asked.append((rows, last))
        return fit(linear, objective, rows, schedule, after=after, **settings)

    monkeypatch.setattr(jepa, "fit", spy)
    chosen = probe(features, labels, subject, seed=0, held_back=0.25)
    rows, last = asked[0]
    held = np.setdiff1d(np.arange(120), rows)
    assert len(held) == 30
    assert not set(subject[rows]) & set(subject[held])

    def loss(weight: torch.Tensor, bias: torch.Tensor) -> float:
        logits = torch.from_numpy(features[held]) @ weight.detach().T + bias.detach()
        return float(classification_loss(logits, torch.from_numpy(labels[held])).mean())

    assert loss(chosen.weight, chosen.bias) < loss(*last)
    published = probe(features, labels, subject, seed=0, held_back=0)
    assert len(asked[1][0]) == 120
    assert torch.equal(published.weight, asked[1][1][0])


def test_a_probe_is_the_same_for_the_same_seed_and_needs_two_people():
    features, subject = people(20)
    labels = (features[:, 0] > 0)[:, None]
    before = torch.get_rng_state()
    weights = [probe(features, labels, subject, seed=seed).weight for seed in (0, 0, 1)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    assert torch.equal(torch.get_rng_state(), before)
    with pytest.raises(EvidenceError, match="1 people"):
        probe(features[:2], labels[:2], subject[:2], seed=0)


def test_a_classifier_is_fine_tuned_through_its_encoder():
    model = create(TINY, stream(0, "model"))
    before = torch.get_rng_state()
    classifier = Classifier(model.student, 2, stream(0, "head"))
    assert torch.equal(torch.get_rng_state(), before)
    x, labels = waves(6), torch.tensor([[0, 1], [1, 0], [1, 1], [0, 0], [1, 0], [0, 1]])
    loss = classification_loss(classifier(x[:, :2], ("I", "II")), labels)
    assert loss.shape == (6,)
    loss.mean().backward()
    assert model.student.patches.weight.grad.abs().max() > 0
    classes = torch.tensor([0, 1, 1, 0, 1, 0])
    logits = torch.zeros(6, 2)
    for kind in (labels, classes):  # who knows nothing pays one bit
        assert classification_loss(logits, kind).tolist() == pytest.approx([np.log(2)] * 6)


def test_a_representation_leaves_the_encoder_as_random_as_it_was():
    encoder: Encoder = create(replace(TINY, drop_path=0.9), stream(0, "model")).student.train()
    x = waves()
    assert torch.equal(represent(encoder, x), represent(encoder, x))
    assert represent(encoder, x).shape == (4, 16)

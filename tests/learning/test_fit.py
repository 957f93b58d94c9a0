"""Training that can be cut off anywhere."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from auditor.core.errors import ModelError
from auditor.learning import artifact
from auditor.learning.device import fork_rng
from auditor.learning.fit import EMA, History, Validation, fit
from auditor.learning.sampler import ShuffledSampler, SubjectSampler
from auditor.learning.schedule import Schedule

ROWS = torch.randn(97, 5, generator=torch.Generator().manual_seed(1))
WANTED = ROWS @ torch.arange(5.0) + 1
SCHEDULE = Schedule(steps=40, batch=16, learning_rate=0.05, warm_up=4, weight_decay=0.0)


def network() -> nn.Module:
    with fork_rng(np.random.default_rng(3)):
        return nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Dropout(0.2), nn.Linear(8, 1))


def trained(module: nn.Module, schedule: Schedule = SCHEDULE, **settings: object) -> History:
    def objective(batch: np.ndarray, generator: torch.Generator) -> torch.Tensor:
        rows = ROWS[batch]
        noise = 0.1 * torch.randn(rows.shape, generator=generator)
        return (module(rows + noise)[:, 0] - WANTED[batch]).square().mean()

    return fit(module, objective, np.arange(97), schedule, seed=5, name="test", **settings)  # type: ignore[arg-type]


def same(one: nn.Module, other: nn.Module) -> bool:
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def test_the_loss_falls_and_the_same_seed_gives_the_same_weights():
    first, second = network(), network()
    losses = trained(first).loss
    assert losses == trained(second).loss
    assert np.mean(losses[-5:]) < np.mean(losses[:5]) / 2
    assert same(first, second)
    assert not first.training


class Cut(Exception):
    pass


@pytest.mark.parametrize("at", [1, 7, 39])
def test_a_training_that_was_cut_off_ends_with_the_same_weights(tmp_path: Path, at: int):
    def cut(step: int, steps: int, loss: float) -> None:
        if step == at:
            raise Cut

    whole, halved = network(), network()
    trained(whole)
    keep = tmp_path / "kept.safetensors"
    with pytest.raises(Cut):
        trained(halved, keep=keep, every=3, progress=cut)
    again = network()
    rest = trained(again, keep=keep, every=3)
    assert len(rest.loss) == 40 - (at - 1) // 3 * 3
    assert same(whole, again)


AVERAGED = replace(SCHEDULE, ema_decay=0.9)


def test_the_mean_of_weights_over_steps_is_what_stays():
    seen = []
    plain, averaged = network(), network()
    trained(plain, after=lambda step: seen.append(plain[0].weight.detach().clone()))
    trained(averaged, AVERAGED)
    mean = network()[0].weight.detach()
    for weight in seen:
        mean = 0.9 * mean + 0.1 * weight
    assert torch.allclose(averaged[0].weight, mean, atol=1e-6)
    assert not torch.allclose(averaged[0].weight, plain[0].weight, atol=1e-3)


def test_an_averaged_training_that_was_cut_off_ends_with_the_same_weights(tmp_path: Path):
    def cut(step: int, steps: int, loss: float) -> None:
        if step == 20:
            raise Cut

    whole, halved, again = network(), network(), network()
    trained(whole, AVERAGED)
    keep = tmp_path / "kept.safetensors"
    with pytest.raises(Cut):
        trained(halved, AVERAGED, keep=keep, every=3, progress=cut)
    trained(again, AVERAGED, keep=keep, every=3)
    assert same(whole, again)


def test_what_was_kept_of_another_training_is_refused(tmp_path: Path):
    keep = tmp_path / "kept.safetensors"
    trained(network(), keep=keep, every=3)
    module = network()
    with pytest.raises(ModelError, match="of another training"):
        fit(
            module, lambda batch, generator: module(ROWS[batch]).mean(), np.arange(97),
            Schedule(steps=41, batch=16, learning_rate=0.05), seed=5, name="test", keep=keep,
        )  # fmt: skip
    keep.write_bytes(keep.read_bytes()[:100])
    with pytest.raises(ModelError, match="is damaged"):
        trained(network(), keep=keep)


def test_every_row_has_its_turn_before_any_has_the_next():
    seen: list[int] = []
    module = nn.Linear(5, 1)

    def objective(batch: np.ndarray, generator: torch.Generator) -> torch.Tensor:
        seen.extend(batch.tolist())
        return module(ROWS[batch]).mean()

    fit(module, objective, np.arange(97), SCHEDULE, seed=5, name="test")
    assert sorted(seen[:97]) == list(range(97))
    assert sorted(seen[97:194]) == list(range(97))
    assert seen[:97] != seen[97:194]


def test_what_needs_no_gradient_follows_but_is_not_trained():
    module = nn.ModuleDict({"student": nn.Linear(5, 1), "teacher": nn.Linear(5, 1)})
    module["teacher"].requires_grad_(False)
    before = module["teacher"].weight.clone()
    steps: list[int] = []

    def objective(batch: np.ndarray, generator: torch.Generator) -> torch.Tensor:
        return (module["student"](ROWS[batch]) - module["teacher"](ROWS[batch])).square().mean()

    fit(module, objective, np.arange(97), SCHEDULE, seed=5, name="test", after=steps.append)
    assert torch.equal(before, module["teacher"].weight)
    assert steps == list(range(40))


def test_nobody_else_s_random_stream_is_touched():
    torch_before = torch.get_rng_state()
    trained(network())
    assert torch.equal(torch_before, torch.get_rng_state())


def test_a_plain_loop_over_the_same_batches_ends_with_the_same_weights():
    def objective(module: nn.Module, rows: np.ndarray) -> torch.Tensor:
        return (module(ROWS[rows])[:, 0] - WANTED[rows]).square().mean()

    ours, plain = network().eval(), network().eval()
    schedule = replace(SCHEDULE, weight_decay=0.3, clip=0.5)
    for one in (ours, plain):
        one[2].p = 0.0
    fit(ours, lambda rows, _: objective(ours, rows), np.arange(97), schedule, seed=5, name="test")
    matrices = [one for one in plain.parameters() if one.ndim > 1]
    vectors = [one for one in plain.parameters() if one.ndim == 1]
    groups = [{"params": matrices, "weight_decay": 0.3}, {"params": vectors, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=0.05)
    sampler = ShuffledSampler(np.arange(97), 16, 5, "test")
    for step in range(40):
        for group in optimizer.param_groups:
            group["lr"] = schedule.at(step)
        optimizer.zero_grad()
        objective(plain, sampler(step)).backward()
        nn.utils.clip_grad_norm_([*matrices, *vectors], 0.5)
        optimizer.step()
    assert same(ours, plain)


def test_a_mean_of_weights_is_updated_and_stands_in_a_state():
    module = nn.Linear(2, 1)
    ema, first = EMA(module, 0.75), module.weight.detach().clone()
    with torch.no_grad():
        module.weight += 1
    ema.update(module)
    module.load_state_dict(ema.state_of(module))
    assert torch.allclose(module.weight, first + 0.25)
    assert not EMA(module, 0.0).weights


# --- stops --------------------------------------------------------------------------------

#: Its learning rate does not hang on how many steps are to come.
FLAT = replace(SCHEDULE, floor=SCHEDULE.learning_rate)


@pytest.mark.parametrize("schedule", [FLAT, replace(FLAT, ema_decay=0.9)], ids=["last", "mean"])
@pytest.mark.parametrize("n", [1, 13])
def test_what_is_kept_at_a_stop_is_what_a_training_of_so_many_steps_ends_with(
    tmp_path: Path, schedule: Schedule, n: int
):
    whole, stopped, back = network(), network(), network()
    trained(whole, schedule, stops={n: tmp_path / "kept.safetensors"})
    trained(stopped, replace(schedule, steps=n))
    back.load_state_dict(artifact.tensors(tmp_path / "kept.safetensors"))
    assert same(back, stopped)
    assert not same(back, whole)
    plain = network()
    trained(plain, schedule)
    assert same(plain, whole)  # nothing of the training hangs on it


def test_what_is_kept_at_a_stop_are_the_best_weights_so_far(tmp_path: Path):
    stops = {12: tmp_path / "12.safetensors", 33: tmp_path / "33.safetensors"}
    *_, seen = validated(stops=stops)  # every 5 steps; the fourth, after 20, is best
    for n, place in ((12, 1), (33, 3)):
        kept = artifact.tensors(stops[n])
        assert all(torch.equal(seen[place][name], one) for name, one in kept.items())


@pytest.mark.parametrize("at", [3, 10, 11, 39])
def test_a_training_that_was_cut_off_has_the_same_stops(tmp_path: Path, at: int):
    def cut(step: int, steps: int, loss: float) -> None:
        if step == at:
            raise Cut

    def stops(folder: str) -> dict[int, Path]:
        (tmp_path / folder).mkdir()
        return {n: tmp_path / folder / f"{n}.safetensors" for n in (5, 10, 20)}

    whole, again = stops("whole"), stops("again")
    trained(network(), stops=whole)
    keep = tmp_path / "kept.safetensors"
    with pytest.raises(Cut):
        trained(network(), keep=keep, every=3, progress=cut, stops=again)
    trained(network(), keep=keep, every=3, stops=again)
    for n, path in whole.items():
        assert path.read_bytes() == again[n].read_bytes()


def test_weights_that_layers_share_are_kept_twice_with_their_mean(tmp_path: Path):
    module = nn.ModuleDict({"one": nn.Linear(5, 1), "other": nn.Linear(5, 1)})
    module["other"].weight = module["one"].weight

    def objective(batch: np.ndarray, generator: torch.Generator) -> torch.Tensor:
        return (module["one"](ROWS[batch]) + module["other"](ROWS[batch])).square().mean()

    stops = {40: tmp_path / "kept.safetensors"}
    fit(module, objective, np.arange(97), AVERAGED, seed=5, name="test", stops=stops)
    kept = artifact.tensors(stops[40])
    for name in ("one.weight", "other.weight"):
        assert torch.equal(kept[name], module["one"].weight)


# --- validation ---------------------------------------------------------------------------


def validated(every: int = 5, patience: float = np.inf, lowest: int = 3, **settings: object):
    """A training whose validation is lowest the `lowest`-th time it is asked, from 0, and the
    weights that it had then.
    """
    module, seen = network(), []

    def loss() -> float:
        assert not module.training
        seen.append({name: one.clone() for name, one in module.state_dict().items()})
        return float(abs(len(seen) - 1 - lowest))

    went = trained(module, validate=Validation(loss, every, patience), **settings)
    return module, went, seen


def test_it_ends_with_the_weights_that_were_best_in_validation():
    module, went, seen = validated()
    assert went.validation == [3, 2, 1, 0, 1, 2, 3, 4]
    assert went.best == 3
    assert all(torch.equal(seen[3][name], one) for name, one in module.state_dict().items())
    assert len(went.loss) == 40
    assert not module.training


def test_patience_ends_a_training():
    module, went, seen = validated(patience=2)
    assert went.validation == [3, 2, 1, 0, 1, 2]
    assert len(went.loss) == 30
    assert all(torch.equal(seen[3][name], one) for name, one in module.state_dict().items())


def test_of_equally_good_weights_the_first_are_kept():
    module, seen = network(), []

    def loss() -> float:
        seen.append(module[0].weight.detach().clone())
        return 1.0

    went = trained(module, validate=Validation(loss, 5, 3))
    assert went.best == 0
    assert len(seen) == 4
    assert torch.equal(module[0].weight, seen[0])


def test_the_last_step_is_validated_too():
    assert len(validated(every=7)[1].validation) == 6
    assert len(validated(every=1000)[1].validation) == 1


def test_a_validation_changes_nothing_of_the_training():
    plain, looked_at = network(), network()
    losses = trained(plain).loss
    assert trained(looked_at, validate=Validation(lambda: 0.0, 5)).loss == losses


@pytest.mark.parametrize("at", [12, 29, 38])
def test_a_training_that_was_cut_off_knows_its_best_weights_when_it_goes_on(
    tmp_path: Path, at: int
):
    def by_weight(module: nn.Module) -> Validation:
        return Validation(lambda: float(module[0].weight.sum()), 2)

    def cut(step: int, steps: int, loss: float) -> None:
        if step == at:
            raise Cut

    whole, halved, again = network(), network(), network()
    went = trained(whole, validate=by_weight(whole))
    keep = tmp_path / "kept.safetensors"
    with pytest.raises(Cut):
        trained(halved, keep=keep, every=3, validate=by_weight(halved), progress=cut)
    resumed = trained(again, keep=keep, every=3, validate=by_weight(again))
    assert resumed.validation == went.validation
    assert same(whole, again)


def test_a_training_that_patience_ended_is_not_taken_up_again(tmp_path: Path):
    keep = tmp_path / "kept.safetensors"
    ended = validated(patience=2, keep=keep, every=30)
    module = network()
    again = trained(module, keep=keep, validate=Validation(lambda: 9.0, 5, 2))
    assert again.loss == []
    assert again.validation == ended[1].validation
    assert same(ended[0], module)


def test_weights_are_averaged_or_chosen_and_not_both():
    with pytest.raises(ValueError, match="not both"):
        trained(network(), AVERAGED, validate=Validation(lambda: 0.0, 5))


# --- whose turn it is ---------------------------------------------------------------------


def test_a_sampler_says_what_a_step_is_made_of():
    module, seen = nn.Linear(5, 1), []

    def objective(rows: np.ndarray, generator: torch.Generator) -> torch.Tensor:
        seen.append(rows)
        return module(ROWS[rows]).mean()

    subject = np.repeat([0, 1, 2], [90, 5, 2])
    sampler = SubjectSampler(subject, np.arange(97), 6, 5, "test")
    schedule = replace(SCHEDULE, batch=6)
    fit(module, objective, np.arange(97), schedule, seed=5, name="test", sampler=sampler)
    assert all((np.bincount(subject[rows]) == 2).all() for rows in seen)


def test_nothing_cannot_be_trained_on():
    with pytest.raises(ValueError, match="nothing to train on"):
        fit(network(), lambda *_: None, np.arange(0), SCHEDULE, seed=5, name="test")  # type: ignore[arg-type,return-value]


# --- processes ----------------------------------------------------------------------------


SCRIPT = """
import sys
from pathlib import Path
import numpy as np, torch
from safetensors.torch import save_file
sys.path.insert(0, {root!r})
from tests.learning.test_fit import network, trained
module = network()
def told(step, steps, loss):
    print(step, flush=True)
    if step == {stop}:
        sys.stdin.read()  # here it is killed
trained(module, keep=Path({keep!r}), every=4, progress=told)
if int(__import__("os").environ.get("RANK", "0")) == 0:
    save_file(module.state_dict(), {out!r})
"""


@pytest.mark.slow
def test_a_killed_training_goes_on_and_ends_with_the_same_weights(tmp_path: Path):
    keep, out = str(tmp_path / "kept.safetensors"), str(tmp_path / "out.safetensors")
    root = str(Path(__file__).parents[2])

    def start(stop: int | None) -> subprocess.Popen[str]:
        script = textwrap.dedent(SCRIPT).format(root=root, keep=keep, out=out, stop=stop)
        command = [sys.executable, "-c", script]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=root)

    with start(stop=10) as killed:
        assert killed.stdout is not None
        assert "10\n" in killed.stdout
        killed.send_signal(signal.SIGKILL)
    assert not Path(out).exists()
    assert Path(keep).exists()
    with start(stop=None) as again:
        said, _ = again.communicate(timeout=600)
    assert again.returncode == 0
    assert int(said.split()[0]) > 4
    whole = network()
    trained(whole)
    from safetensors.torch import load_file

    ended = load_file(out)
    assert all(torch.equal(ended[name], one) for name, one in whole.state_dict().items())


@pytest.mark.slow
def test_two_processes_take_their_parts_of_each_batch(tmp_path: Path):
    out = str(tmp_path / "out.safetensors")
    root = str(Path(__file__).parents[2])
    keep = str(tmp_path / "kept.safetensors")
    script = tmp_path / "two.py"
    script.write_text(textwrap.dedent(SCRIPT).format(root=root, keep=keep, out=out, stop=None))
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    command += ["--standalone", str(script)]  # at a port that is free
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=root, timeout=600, env=environment
    )
    assert done.returncode == 0, done.stderr[-2000:]
    from safetensors.torch import load_file

    found, alone = load_file(out), network()
    trained(alone)
    # Noise and dropout are drawn for parts of the batch: alike, not equal.
    x = torch.cat([found["3.weight"].flatten(), found["0.weight"].flatten()])
    y = torch.cat([alone.state_dict()[name].flatten() for name in ("3.weight", "0.weight")])
    assert torch.nn.functional.cosine_similarity(x, y, dim=0) > 0.9

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
from auditor.learning.device import own_randomness
from auditor.learning.fit import Pace, train

ROWS = torch.randn(97, 5, generator=torch.Generator().manual_seed(1))
WANTED = ROWS @ torch.arange(5.0) + 1
PACE = Pace(steps=40, batch=16, rate=0.05, warm_up=4, decay=0.0)


def network() -> nn.Module:
    with own_randomness(np.random.default_rng(3)):
        return nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Dropout(0.2), nn.Linear(8, 1))


def trained(module: nn.Module, pace: Pace = PACE, **settings: object) -> list[float]:
    def objective(batch: np.ndarray, generator: torch.Generator) -> torch.Tensor:
        rows = ROWS[batch]
        noise = 0.1 * torch.randn(rows.shape, generator=generator)
        return (module(rows + noise)[:, 0] - WANTED[batch]).square().mean()

    return train(module, objective, np.arange(97), pace, seed=5, name="test", **settings)  # type: ignore[arg-type]


def same(one: nn.Module, other: nn.Module) -> bool:
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def test_the_loss_falls_and_the_same_seed_gives_the_same_weights():
    first, second = network(), network()
    losses = trained(first)
    assert losses == trained(second)
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
    assert len(rest) == 40 - (at - 1) // 3 * 3
    assert same(whole, again)


AVERAGED = replace(PACE, average=0.9)


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
        train(
            module, lambda batch, generator: module(ROWS[batch]).mean(), np.arange(97),
            Pace(steps=41, batch=16, rate=0.05), seed=5, name="test", keep=keep,
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

    train(module, objective, np.arange(97), PACE, seed=5, name="test")
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

    train(module, objective, np.arange(97), PACE, seed=5, name="test", after=steps.append)
    assert torch.equal(before, module["teacher"].weight)
    assert steps == list(range(40))


def test_nobody_else_s_random_stream_is_touched():
    torch_before = torch.get_rng_state()
    trained(network())
    assert torch.equal(torch_before, torch.get_rng_state())


def test_the_rate_rises_and_falls():
    pace = Pace(steps=100, batch=1, rate=1.0, warm_up=10, floor=0.1, start=0.01)
    rates = [pace.at(step) for step in range(101)]
    assert rates[0] == 0.01
    assert rates[9] < rates[10] < 1.0
    assert rates[100] == pytest.approx(0.1)
    assert np.argmax(rates) == 10


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

"""How much each sample of a beat had to do with what a network answered, by seven methods.

Every method gives (n, n_leads, n_places) in units of its own: only shares of it are compared.
Attention is never negative; elsewhere what speaks against the answer is. Attention rollout is
Abnar and Zuidema's (ACL 2020), gradient-weighted attention Chefer, Gur and Wolf's (ICCV 2021);
Integrated Gradients (Sundararajan et al., ICML 2017), GradientSHAP (Lundberg and Lee, NeurIPS
2017), occlusion (Zeiler and Fergus, ECCV 2014) and feature ablation are Captum's. Where a baseline
is wanted it is not zero, which in a signal says something: it is the population's mean beat with
the waves as long as here, or the level of the rest between beats.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from auditor.checks.attribution.network import Network, watched
from auditor.checks.attribution.segments import SEGMENTS, Atom, Floats, Reads
from auditor.core.registry import Registry
from auditor.learning.device import fork_rng
from auditor.signal.filters import FS

#: Steps of the integral from a baseline to a beat: the first, or where that leaves more than so
#: much unexplained, the second. A network bends most where it leaves rest.
STEPS, _UNEXPLAINED = (32, 64), 0.04
#: Draws of GradientSHAP.
_DRAWS = 12
#: People whose beats it starts from.
_OTHERS = 32
#: What is occluded at once, and how far apart: 40 and 20 ms.
_WIDE, _APART = round(0.04 * FS), round(0.02 * FS)
#: Beats times leads that a network looks at together.
_AT_ONCE = 1024


@dataclass(frozen=True, eq=False)
class Question:
    """What a network is asked about some beats.

    Attributes
    ----------
    mean : (n, n_leads, n_places) the population's beat, with the lengths of these
    towards : (n, d) the direction whose dot product with the answer is what is asked
    closely : whether integrals are taken in finer steps where they do not add up
    """

    network: Network
    reads: Reads
    mean: Floats
    towards: Tensor
    closely: bool = True

    def part(self, chosen: NDArray[np.int64]) -> Question:
        """The same of some of the beats."""
        return replace(
            self,
            reads=self.reads.part(chosen),
            mean=self.mean[chosen],
            towards=self.towards[torch.from_numpy(chosen)],
        )

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return self.towards.device

    @property
    def together(self) -> int:
        """How many beats go through the network at once."""
        return max(_AT_ONCE // self.reads.signal.shape[1], 1)

    def ask(self, beats: Tensor, towards: Tensor) -> Tensor:
        """(B,) the answers to beats in mV."""
        return (self.network(beats) * towards).sum(dim=1)

    @torch.inference_mode()
    def answers(self, signal: Floats) -> NDArray[np.float64]:
        """(n,) what is answered when the reads show this, (n, n_leads, n_places), instead."""
        found = [
            self.ask(self.tensor(signal[some]), self.towards[some])
            for some in _slices(len(signal), self.together)
        ]
        return np.asarray(torch.cat(found).double().cpu().numpy())

    def tensor(self, values: Floats) -> Tensor:
        """An array where the network is."""
        return torch.from_numpy(np.ascontiguousarray(values)).to(self.device)


@dataclass(frozen=True, eq=False)
class Relevance:
    """What a method says.

    Attributes
    ----------
    values : (n, n_leads, n_places)
    error : for a method that must add up, by how much it does not: the sum of what is missing over
        the sum of what there was to explain; None for others
    """

    values: NDArray[np.float64]
    error: float | None = None


Method = Callable[[Question, np.random.Generator], Relevance]
METHODS: Registry[Method] = Registry("method")


#: What asks nothing of a network but its answers.
BLACK_BOX = ("occlusion", "ablation")
#: What looks at how tokens attend to one another.
OF_ATTENTION = ("rollout", "weighted attention")


def able(network: Network) -> dict[str, Method]:
    """The methods that can be asked about a network: one without attention, or one that only
    answers, has fewer.
    """
    from timm.models.vision_transformer import Attention  # here, for it takes seconds

    if not isinstance(network, torch.nn.Module):
        return {name: METHODS[name] for name in BLACK_BOX}
    attends = any(isinstance(module, Attention) for module in network.modules())
    return {name: one for name, one in METHODS.items() if attends or name not in OF_ATTENTION}


@METHODS.register("rollout")
def rollout(question: Question, rng: np.random.Generator) -> Relevance:
    """Attention multiplied through the layers, half of each token staying where it is."""

    def flow(attention: Tensor, slope: Tensor) -> Tensor:
        mixed = attention.mean(dim=1) / 2 + _one(attention) / 2
        return mixed / mixed.sum(dim=-1, keepdim=True)

    return Relevance(_attended(question, lambda layers: _multiplied(map(flow, *layers))))


@METHODS.register("weighted attention")
def weighted_attention(question: Question, rng: np.random.Generator) -> Relevance:
    """The same where each head's attention counts as much as the answer hangs on it, and only what
    one token tells another.
    """

    def flow(attention: Tensor, slope: Tensor) -> Tensor:
        return (slope * attention).clamp(min=0).mean(dim=1) + _one(attention)

    return Relevance(
        _attended(question, lambda layers: (whole := _multiplied(map(flow, *layers))) - _one(whole))
    )


def _one(like: Tensor) -> Tensor:
    return torch.eye(like.shape[-1], device=like.device)


def _multiplied(layers: Iterable[Tensor]) -> Tensor:
    """The layers' flows one after the other."""
    return reduce(lambda before, layer: layer @ before, layers)


def _attended(
    question: Question, flow: Callable[[tuple[list[Tensor], list[Tensor]]], Tensor]
) -> NDArray[np.float64]:
    """(n, n_leads, n_places) what each place tells the answer by a flow (B, n_tokens, n_tokens).

    Parameters
    ----------
    flow : of the attention of each layer, (B, heads, n_tokens, n_tokens), and the slope of the
        answer in it
    """
    network, found = question.network, []
    n_leads = question.reads.signal.shape[1]
    for some in _slices(len(question.reads), question.together):
        beats = question.tensor(question.reads.signal[some])
        with watched(network) as layers:
            answer = question.ask(beats, question.towards[some]).sum()
        slopes = torch.autograd.grad(answer, layers)
        with torch.no_grad():
            places = network.spread(network.attended(flow((layers, list(slopes)))))
        found.append(places.reshape(len(beats), n_leads, -1).double().cpu().numpy())
    return np.concatenate(found)


@METHODS.register("integrated gradients")
def integrated_gradients(question: Question, rng: np.random.Generator) -> Relevance:
    """From the population's mean beat."""
    return _integrated(question, lambda z: question.network.normalise(_as(question.mean, z))[0])


@METHODS.register("integrated gradients from rest")
def integrated_from_rest(question: Question, rng: np.random.Generator) -> Relevance:
    """From a line at the level between beats: what TP shows, carried through the beat."""
    quiet = question.reads.within((Atom.PR, Atom.TP))
    quiet |= ~quiet.any(axis=1, keepdims=True)
    mask = torch.from_numpy(quiet)[:, None].to(question.device)

    def rest(z: Tensor) -> Tensor:
        level = torch.where(mask, z, torch.nan).nanmedian(dim=2, keepdim=True).values
        return level.expand_as(z)

    return _integrated(question, rest)


def _integrated(question: Question, baseline: Callable[[Tensor], Tensor]) -> Relevance:
    from captum.attr import IntegratedGradients

    z, towards, beside = _through(question)
    method, start = IntegratedGradients(_asked(question)), baseline(z).detach()
    for steps in STEPS:
        values, missing = [], []
        for some in _slices(len(z), max(question.together // steps, 1)):
            found, gap = method.attribute(
                z[some],
                baselines=start[some],
                additional_forward_args=tuple(one[some] for one in (towards, *beside)),
                n_steps=steps,
                method="gausslegendre",
                return_convergence_delta=True,
            )
            values.append(_numbers(found))
            missing.append(_numbers(gap))
        shares, gaps = np.concatenate(values), np.concatenate(missing)
        whole = np.abs(shares.sum(axis=(1, 2)) - gaps).sum()
        error = float(np.abs(gaps).sum() / max(whole, 1e-12))
        if error < _UNEXPLAINED or not question.closely:
            break
    return Relevance(shares, error)


@METHODS.register("gradient shap")
def gradient_shap(question: Question, rng: np.random.Generator) -> Relevance:
    """From other people's beats, drawn at random, at places drawn at random on the way."""
    from captum.attr import GradientShap

    z, towards, beside = _through(question)
    method = GradientShap(_asked(question))
    others = z.detach().roll(1, dims=0)[:: max(len(z) // _OTHERS, 1)]
    with fork_rng(rng):
        found = [
            method.attribute(
                z[some],
                baselines=others,
                n_samples=_DRAWS,
                additional_forward_args=tuple(one[some] for one in (towards, *beside)),
            )
            for some in _slices(len(z), max(question.together // _DRAWS, 1))
        ]
    return Relevance(np.concatenate([_numbers(part) for part in found]))


@METHODS.register("occlusion")
def occlusion(question: Question, rng: np.random.Generator) -> Relevance:
    """What changes when 40 ms of all leads show the population's mean beat."""
    from captum.attr import Occlusion

    n_leads = question.reads.signal.shape[1]
    return _exchanged(
        question,
        Occlusion(question.ask),
        sliding_window_shapes=(n_leads, _WIDE),
        strides=(n_leads, _APART),
    )


@METHODS.register("ablation")
def ablation(question: Question, rng: np.random.Generator) -> Relevance:
    """What changes when a segment of a lead shows the population's mean beat."""
    from captum.attr import FeatureAblation

    mask = segment_mask(question.reads)
    found = _exchanged(
        question,
        FeatureAblation(question.ask),
        feature_mask=torch.from_numpy(mask).to(question.device),
    )
    # What a segment counts for is dealt evenly to its samples.
    size = np.stack([(mask == one).sum(axis=(1, 2)) for one in range(mask.max() + 1)], axis=1)
    row = np.arange(len(mask))[:, None, None]
    return Relevance(found.values / size[row, mask])


def segment_mask(reads: Reads) -> NDArray[np.int64]:
    """(n, n_leads, n_places) a number for each segment of each lead, as Captum wants features."""
    segment = np.full(reads.label.shape, len(SEGMENTS))
    for number, atoms in enumerate(SEGMENTS.values()):
        segment[reads.within(atoms)] = number
    n_leads = reads.signal.shape[1]
    return segment[:, None] + (len(SEGMENTS) + 1) * np.arange(n_leads)[:, None]


def _exchanged(question: Question, method: Any, **how: Any) -> Relevance:
    """A method of Captum's that puts the mean beat in place of parts."""
    signal, mean = question.reads.signal, question.mean
    values = []
    for some in _slices(len(signal), question.together):
        per_call = dict(how)
        if "feature_mask" in how:
            per_call["feature_mask"] = how["feature_mask"][some]
        with torch.no_grad():
            found = method.attribute(
                question.tensor(signal[some]),
                baselines=question.tensor(mean[some]),
                additional_forward_args=(question.towards[some],),
                **per_call,
            )
        values.append(_numbers(found))
    return Relevance(np.concatenate(values))


def _through(question: Question) -> tuple[Tensor, Tensor, tuple[Tensor, ...]]:
    """The beats as the first layer sees them, the questions, and what else it sees."""
    with torch.no_grad():
        z, *beside = question.network.normalise(question.tensor(question.reads.signal))
    return z.detach().requires_grad_(), question.towards, tuple(beside)


def _asked(question: Question) -> Callable[..., Tensor]:
    def asked(z: Tensor, towards: Tensor, *beside: Tensor) -> Tensor:
        return (question.network.forward_normalised(z, *beside) * towards).sum(dim=1)

    return asked


def _as(values: Floats, like: Tensor) -> Tensor:
    return torch.from_numpy(values).to(like.device)


def _numbers(values: Tensor) -> NDArray[np.float64]:
    return np.asarray(values.detach().double().cpu().numpy())


def _slices(n: int, size: int) -> list[slice]:
    return [slice(start, start + size) for start in range(0, n, size)]

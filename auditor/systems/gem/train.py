"""GEM: texts about ECGs, held against those of a twin that is shown somebody else's ECG."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from math import nan
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from auditor.core.errors import ConfigError, DataError
from auditor.core.record import STANDARD_LEADS
from auditor.core.streams import stream
from auditor.data.pairs import read_pairs
from auditor.engine import shards
from auditor.signal.claims import claims
from auditor.signal.measurements import RECORD_COLUMNS, lead_columns
from auditor.systems.gem import network as gem
from auditor.systems.gem.grounding import (
    FINDINGS,
    TOLERANCES,
    Canary,
    Row,
    canaries,
    claimed_findings,
    findings,
    grounded,
    instructions,
)
from auditor.systems.gem.visits import DOTS_PER_MM, TOLD, seen
from auditor.systems.registry import trains
from auditor.systems.result import Study
from auditor.systems.training import Training, by_people, fingerprint, lists_visits, made, study
from auditor.targets.recordings import AT_ONCE, Places, Recordings, Rows

#: What `--weights` holds: a language model with its tokenizer, CLIP, and the ECG encoder.
_CHECKPOINTS = ("language", "clip", "ecg.safetensors")
#: Ten seconds, for a rate is not read off two.
_SMALL = replace(gem.GEMConfig.small(), n_samples=5000, depth=3)
#: Answers about nobody that are hidden among those that are taught, so that an audit can tell
#: whether what was taught can be had back.
_CANARIES = 10
#: While learning, a recording begins up to so many samples later: where in a beat is by chance.
_LATER = gem.FS
#: Fewer people with a finding say nothing of how findings are told.
_LEAST_WITH_FINDINGS = 10
#: What a text is cut into: words and digits, each with the space before it, and other marks.
_PIECE = r" ?[A-Za-z]+| ?\d|[^A-Za-z\d]"


@trains(lists_visits, takes=("weights",))
def run(training: Training) -> Study:
    """Projectors and a language model that learned texts of measurements, and their twin that
    learned the same texts beside the ECGs and pages of others.
    """
    gem.library()
    given = _checkpoints(training)
    image = (
        gem.image_encoder(given["clip"])
        if "clip" in given
        else gem.ImageEncoder(made(_clip, training, "clip")).eval()
    )
    tokenizer = (
        gem.language_tokenizer(given["language"]) if "language" in given else small_tokenizer()
    )

    def language() -> Any:
        if "language" in given:
            return gem.language_model(given["language"]).float()
        return made(lambda: _language(tokenizer), training, "language").eval()

    width = language().get_input_embeddings().weight.shape[1]
    shape = _SMALL if training.size == "small" else gem.GEMConfig()
    config = replace(shape, image_width=image.width, language_width=width)
    recordings, measured, images = _seen(training, image, config)
    x = torch.from_numpy(recordings.x)
    texts = [instructions(row, TOLD[training.size]) for row in measured]
    hidden = canaries(_CANARIES, stream(training.seed, "gem/canaries"))
    taught = [*texts, *((texts[0][0], one.answer()) for one in hidden)]
    training.keep_under(_named(fingerprint(recordings), taught, training.weights))
    parts = recordings.split(training.seed)
    trained, _, judged = parts
    for rows in (trained, judged):
        if len(np.unique(recordings.subject[rows])) < 2:
            n = len(np.unique(recordings.subject))
            raise DataError(
                f"{training.release.root}: has ECGs of {n} people, too few to train on some and "
                "judge others; wanted at least ten"
            )
    if "ecg.safetensors" in given:
        ecg = gem.load_published_encoder(given["ecg.safetensors"], config)
    else:
        ecg = _taught(training, config, x, measured, trained)
    dialogues = [gem.dialogue(tokenizer, *text) for text in taught]
    longest = max(int((dialogues[row].labels != gem.IGNORED).sum()) for row in trained)
    # Nobody's ECG and page are empty.
    x = torch.cat([x, x.new_zeros(len(hidden), *x.shape[1:])])
    with torch.inference_mode():
        empty = image(torch.zeros(1, 3, image.side, image.side)).clone()
    images = torch.cat([images, empty.expand(len(hidden), -1, -1).clone()])
    subject = np.concatenate([recordings.subject, [f"canary {one.number}" for one in hidden]])
    learnt = np.concatenate([trained, np.arange(len(texts), len(taught))])

    def answered(name: str, shown: Callable[[Places, Places, torch.Generator], Places]) -> Any:
        """A network that learned from what it was shown, and what it answers to it of the judged;
        `shown` draws from some rows those that stand for others.
        """
        encoder = made(lambda: gem.MultimodalEncoder(config), training, "projectors")
        encoder.ecg.load_state_dict(ecg.state_dict())
        model = gem.GEM(encoder, language())

        def objective(rows: Places, draw: torch.Generator) -> Tensor:
            own = shown(rows, trained, draw)
            told = [dialogues[row] for row in rows]
            batch = gem.collate(_begun_later(x[own], draw), images[own], told)
            return gem.objective(model, _on(batch, training.device))

        training.train(name, model, objective, learnt, "instruct")
        own = shown(judged, judged, torch.Generator().manual_seed(training.seed))
        asked = gem.dialogue(tokenizer, texts[0][0])
        said: list[str] = []
        model.to(training.device)
        for rows in shards(own.tolist(), AT_ONCE):
            batch = gem.collate(x[rows], images[rows], [asked] * len(rows))
            ids = model.answer(_on(batch, training.device), longest).cpu()
            said += [tokenizer.decode(one, skip_special_tokens=True) for one in ids]
            training.progress("answering", len(said), len(judged))
        return model.cpu(), said

    model, ours = answered("instruct", lambda rows, among, draw: rows)
    _, twins = answered(
        "instruct-twin", lambda rows, among, draw: of_others(rows, among, subject, draw)
    )
    compared, left_out = _compared(
        training, [measured[row] for row in judged], recordings.subject[judged], ours, twins
    )
    if recordings.n_unfit:
        left_out["recordings"] = f"{recordings.n_unfit} recordings cannot be read or measured"
    result = study(training, recordings, parts, compared, {"gem": model.encoder}, left_out)

    def save_language(folder: Path) -> None:
        model.language.save_pretrained(folder)
        tokenizer.save_pretrained(folder)

    folders = {"language": save_language, "clip": image.clip.save_pretrained}
    return replace(result, folders={**folders, "canaries": lambda to: _save_canaries(hidden, to)})


def _save_canaries(hidden: Sequence[Canary], folder: Path) -> None:
    folder.mkdir()
    text = json.dumps([one._asdict() for one in hidden], indent=1)
    (folder / "canaries.json").write_text(text + "\n", encoding="utf-8")


def _checkpoints(training: Training) -> dict[str, Path]:
    """What `--weights` holds, by name."""
    wanted = "language/ (a causal language model of transformers with its tokenizer), clip/ and "
    wanted += "ecg.safetensors (of ECG-CoCa or GEM)"
    folder = training.weights
    given = {name: folder / name for name in _CHECKPOINTS if folder and (folder / name).exists()}
    if training.size == "published" and len(given) < len(_CHECKPOINTS):
        raise ConfigError(
            f"gem of the published size begins from checkpoints; name with --weights a folder that "
            f"holds {wanted}"
        )
    if folder and not given:
        raise ConfigError(f"{folder}: holds no checkpoint; wanted some of {wanted}")
    return given


def _named(data: str, texts: Sequence[tuple[str, str]], weights: Path | None) -> str:
    """What names these data, texts and checkpoints and no others."""
    digest = hashlib.sha256("\0".join([data, *(answer for _, answer in texts)]).encode())
    for file in sorted(weights.rglob("*")) if weights else ():
        about = file.stat()
        digest.update(f"\0{file}\0{about.st_size}\0{about.st_mtime_ns}".encode())
    return f"sha256:{digest.hexdigest()}"


# --- what is read -------------------------------------------------------------------------


def _seen(
    training: Training, image: gem.ImageEncoder, config: gem.GEMConfig
) -> tuple[Recordings, list[Row], Tensor]:
    """The ECGs that can be read and measured, their measurements, and their pages' tokens
    (n, n_image_tokens, image_width).
    """
    release = training.release
    pairs = read_pairs(release.root)
    image.to(training.device)

    def look(pages: Rows) -> Rows:
        with torch.inference_mode():
            return image(torch.from_numpy(pages).to(training.device)).cpu().numpy()

    found = seen(
        pairs,
        config,
        image.side,
        DOTS_PER_MM[training.size],
        look,
        release.engine,
        lambda done, total: training.progress("reading and measuring", done, total),
    )
    image.cpu()
    if found is None:
        raise DataError(f"{release.root}: none of its {len(pairs)} ECGs can be measured")
    return found.recordings, found.measured, torch.from_numpy(found.tokens)


def of_others(
    rows: Places, among: Places, subject: NDArray[np.str_], draw: torch.Generator
) -> Places:
    """(n,) for each of the rows one of `among` that is another person's, drawn."""
    among = among[np.argsort(subject[among], kind="stable")]
    whose = subject[among]
    own, beyond = (np.searchsorted(whose, subject[rows], side) for side in ("left", "right"))
    drawn = torch.rand(len(rows), generator=draw, device=draw.device, dtype=torch.float64)
    # From where one's own end, once around.
    strangers = len(among) - (beyond - own)
    return among[(beyond + (drawn.cpu().numpy() * strangers).astype(np.int64)) % len(among)]


def _begun_later(ecg: Tensor, draw: torch.Generator) -> Tensor:
    """(B, n_leads, n_samples) ECGs whose beginning is missing, padded as short ones are."""
    missing = torch.randint(_LATER, (len(ecg),), generator=draw, device=draw.device).tolist()
    return torch.stack(
        [nn.functional.pad(one[:, n:], (0, n)) for one, n in zip(ecg, missing, strict=True)]
    )


def _on(batch: gem.Batch, device: str) -> gem.Batch:
    return gem.Batch(*(one.to(device) for one in batch))


# --- what a small training is made of -----------------------------------------------------


def _taught(
    training: Training, config: gem.GEMConfig, x: Tensor, measured: Sequence[Row], trained: Places
) -> gem.ECGEncoder:
    """An encoder each of whose tokens tells the intervals and axes of its recording."""
    known = np.array([[row.get(name, nan) for name in TOLERANCES] for row in measured], np.float32)
    centre = np.nanmean(known[trained], axis=0)
    spread = np.maximum(np.nanstd(known[trained], axis=0), 1e-6)
    wanted = torch.from_numpy((known - centre) / spread)[:, None]
    ecg = made(lambda: gem.ECGEncoder(config), training, "ecg")
    teller = made(lambda: nn.Linear(config.width, len(TOLERANCES)), training, "teller")
    both = nn.ModuleDict({"ecg": ecg, "teller": teller})

    def objective(rows: Places, draw: torch.Generator) -> Tensor:
        tokens = ecg.norm(ecg(_begun_later(x[rows], draw).to(training.device)))
        return (teller(tokens) - wanted[rows].to(training.device)).nan_to_num().square().mean()

    training.train("ecg", both, objective, trained)
    return ecg


def _clip() -> Any:
    transformers = gem.library()
    config = transformers.CLIPVisionConfig(
        hidden_size=_SMALL.image_width,
        intermediate_size=2 * _SMALL.image_width,
        num_hidden_layers=2,
        num_attention_heads=4,
        image_size=336,
        patch_size=56,
    )
    return transformers.CLIPVisionModel(config)


def _language(tokenizer: Any) -> Any:
    transformers = gem.library()
    config = transformers.LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=96,
        intermediate_size=192,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=_SMALL.max_length,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return transformers.LlamaForCausalLM(config)


def small_tokenizer() -> Any:
    """A tokenizer of `transformers` that knows the words of dialogues whole and spells others; what
    is no printable ASCII it does not know.
    """
    transformers = gem.library()
    import tokenizers  # comes with transformers

    columns = [*RECORD_COLUMNS, *lead_columns(STANDARD_LEADS)]
    texts = instructions(dict.fromkeys(columns, 1.0))
    text = " ".join([gem.SYSTEM, "USER: ASSISTANT:", *texts, ", ".join(FINDINGS)])
    words = {
        one
        for piece in re.findall(_PIECE, text)
        for one in (piece, piece.strip(), f" {piece.strip()}")
    }
    marks = [chr(code) for code in range(32, 127)]
    digits = [f" {digit}" for digit in range(10)]
    vocabulary = dict.fromkeys(["<unk>", "<s>", "</s>", "\n", *marks, *digits, *sorted(words)])
    model = tokenizers.models.WordPiece(
        {word: place for place, word in enumerate(vocabulary)},
        unk_token="<unk>",
        continuing_subword_prefix="",
    )
    raw = tokenizers.Tokenizer(model)
    raw.pre_tokenizer = tokenizers.pre_tokenizers.Split(tokenizers.Regex(_PIECE), "isolated")
    raw.decoder = tokenizers.decoders.Fuse()
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=raw, bos_token="<s>", eos_token="</s>", pad_token="</s>", unk_token="<unk>"
    )


# --- how answers are judged ---------------------------------------------------------------


def _compared(
    training: Training,
    measured: Sequence[Row],
    subject: NDArray[np.str_],
    ours: Sequence[str],
    twins: Sequence[str],
) -> tuple[dict[str, Any], dict[str, str]]:
    """What the answers to the same ECGs are worth, and what could not be asked of them."""
    people = np.unique(subject)
    shares = [
        pd.Series(map(grounded_share, said, measured)).groupby(subject).mean().to_numpy()[:, None]
        for said in (ours, twins)
    ]
    over, nothing = "a twin without its ECG", np.zeros(0)
    compared = {
        "claimed intervals": by_people(
            "grounded",
            lambda _, share: (1 - share, np.ones_like(share)),
            nothing,
            shares,
            people,
            over,
            training.seed,
        )
    }
    true = np.stack([_listed(findings(row)) for row in measured])
    if len(np.unique(subject[true.any(axis=1)])) < _LEAST_WITH_FINDINGS:
        return compared, {"findings": f"fewer than {_LEAST_WITH_FINDINGS} people have any"}
    said = [np.stack([_listed(claimed_findings(text)) for text in one]) for one in (ours, twins)]
    compared["listed findings"] = by_people(
        "f1", _wrong_and_all, true, said, subject, over, training.seed
    )
    return compared, {}


def grounded_share(text: str, measured: Row) -> float:
    """The share of a text's intervals and rates that are within tolerance of what was measured; 0
    where it states none.
    """
    stated = [one for one in claims(text) if one.unit in ("ms", "1/min")]
    return sum(grounded(one, measured) for one in stated) / max(len(stated), 1)


def _listed(names: Collection[str]) -> NDArray[np.bool_]:
    """(n_findings + 1,) which of `FINDINGS` are named, and whether anything else is."""
    return np.array([name in names for name in FINDINGS] + [bool(set(names) - FINDINGS.keys())])


def _wrong_and_all(true: NDArray[Any], said: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """(n, 1) findings that are missed or made up, and those that are there or said: F1 is one less
    their ratio.
    """
    wrong, known = (true != said).sum(axis=1), true.sum(axis=1) + said.sum(axis=1)
    return wrong[:, None], known[:, None]

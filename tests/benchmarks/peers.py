"""What other tools find in a model, in an environment of their own; prints JSON.

`python peers.py KIND FILE…`: KIND is one of the attacks below; a FILE is an `.npz` with inputs,
labels, whose each row is, who is called a member, who was trained on, and the recipe, by which the
classifier is trained here; and, for the attacks that are given shadow models, who is in the
training of each. Of those the scores of records are averaged over each person, and the rates are
of people. The alarm is the one that each tool words: a p of at most 0.05, a flag, or an interval of
the AUC above 0.5; of an attack that is given shadows and words none, the p of a rank test.
"""

from __future__ import annotations

import json
import logging
import sys
import tempfile
import time

import numpy as np
import xgboost
from sklearn.metrics import roc_auc_score

#: Attacks that are given shadow models.
GIVEN = ("lira-given", "privacyguard-lira", "privacyguard-rmia")


def _rates(score, member):
    score, member = np.asarray(score, float), np.asarray(member, bool)
    others = np.sort(score[~member])[::-1]
    allowed = int(0.01 * len(others) + 1e-9)
    return {
        "auc": float(roc_auc_score(member, score)),
        "tpr": float((score[member] > others[allowed]).mean()),
    }


def _sacro(kind, model, inputs, label, member):
    from sacroml.attacks.likelihood_attack import LIRAAttack
    from sacroml.attacks.structural_attack import StructuralAttack
    from sacroml.attacks.target import Target
    from sacroml.attacks.worst_case_attack import WorstCaseAttack

    target = Target(
        model=model,
        dataset_name="simulated",
        X_train=inputs[member],
        y_train=label[member],
        X_test=inputs[~member],
        y_test=label[~member],
    )
    for place in range(inputs.shape[1]):
        target.add_feature(f"f{place}", [place], "float")
    with tempfile.TemporaryDirectory() as folder:
        settings = {"output_dir": folder, "write_report": False}
        if kind == "worst-case":
            found = WorstCaseAttack(**settings, n_reps=10).attack(target)
            instances = found["attack_experiment_logger"]["attack_instance_logger"].values()
            return _mean([_of_curve(one) for one in instances])
        if kind == "structural":
            found = StructuralAttack(**settings).attack(target)
            instances = found["attack_experiment_logger"]["attack_instance_logger"].values()
            flags = [value for one in instances for value in one.values() if value is True]
            return {"auc": None, "tpr": None, "alarm": bool(flags)}
        mode = {"lira": "offline", "lira-online": "online-carlini"}[kind]
        attack = LIRAAttack(**settings, n_shadow_models=100, mode=mode)
        found = attack.attack(target)
        (one,) = found["attack_experiment_logger"]["attack_instance_logger"].values()
        return _of_curve(one)


def _of_curve(one):
    """TPR is taken from the curve: the keys that name it have changed meaning between versions."""
    fpr, tpr = np.asarray(one["fpr"]), np.asarray(one["tpr"])
    return {
        "auc": float(one["AUC"]),
        "tpr": float(tpr[fpr <= 0.01].max()),
        "alarm": bool(one["P_HIGHER_AUC"] <= 0.05),
    }


def _mean(runs):
    """Of repetitions: their means, and an alarm where most of them raise one."""
    found = {name: float(np.mean([one[name] for one in runs])) for name in ("auc", "tpr")}
    return {**found, "alarm": bool(np.mean([one["alarm"] for one in runs]) > 0.5)}


def _art(model, inputs, label, member):
    from art.attacks.inference.membership_inference import MembershipInferenceBlackBox
    from art.estimators.classification.xgboost import XGBoostClassifier
    from scipy.stats import mannwhitneyu

    wrapped = XGBoostClassifier(model=model, nb_features=inputs.shape[1], nb_classes=2)
    attack = MembershipInferenceBlackBox(wrapped, attack_model_type="rf")
    rng = np.random.default_rng(0)
    half = rng.random(len(label)) < 0.5
    attack.fit(
        inputs[member & half], label[member & half], inputs[~member & half], label[~member & half]
    )
    asked = ~half
    said = np.ravel(attack.infer(inputs[asked], label[asked], probabilities=True))
    test = mannwhitneyu(said[member[asked]], said[~member[asked]], alternative="greater")
    return {**_rates(said, member[asked]), "alarm": bool(test.pvalue <= 0.05)}


# --- attacks that are given shadow models ---------------------------------------------------


def _shadows(model, inputs, label, inside):
    """Models of the same recipe, by who is in the training of each."""
    return [
        xgboost.XGBClassifier(**model.get_params()).fit(inputs[rows], label[rows])
        for rows in inside
    ]


def _right(model, inputs, label):
    """(n,) the probability of what is true."""
    return model.predict_proba(inputs)[np.arange(len(label)), label].astype(float)


def _sacro_given(model, inputs, label, member, person, shadows, inside):
    """SACRO-ML's own likelihood ratios, of shadow models that are given to it."""
    from sacroml.attacks.likelihood_attack import LIRAAttack
    from sacroml.attacks.utils import logit

    sides = ({}, {})
    told = [[logit(one) for one in _right(shadow, inputs, label)] for shadow in shadows]
    for row in range(len(label)):
        for which, side in enumerate(sides):
            side[row] = [
                each[row] for each, rows in zip(told, inside, strict=True) if rows[row] == which
            ]
    with tempfile.TemporaryDirectory() as folder:
        attack = LIRAAttack(output_dir=folder, write_report=False, mode="online-carlini")
        score, _ = attack._compute_scores(label, model.predict_proba(inputs), *sides)
    # What it calls the probability of a member is the second, of minus log densities.
    return _of_people(np.array(score)[:, 1], member, person)


def _of_people(score, member, person):
    from scipy.stats import mannwhitneyu

    n = np.bincount(person)
    mean, member = np.bincount(person, score) / n, np.bincount(person, member) > 0
    test = mannwhitneyu(mean[member], mean[~member], alternative="greater")
    return {**_rates(mean, member), "alarm": bool(test.pvalue <= 0.05)}


def _privacyguard(kind, model, inputs, label, member, person, shadows, inside):
    import pandas as pd
    from privacy_guard.analysis.mia.aggregate_analysis_input import AggregationType
    from privacy_guard.analysis.mia.analysis_node import AnalysisNode
    from privacy_guard.attacks.lira_attack import LiraAttack
    from privacy_guard.attacks.rmia_attack import RmiaAttack

    own = _right(model, inputs, label)
    told = np.stack([_right(one, inputs, label) for one in shadows])
    frame = pd.DataFrame({"user_id": person})
    if kind == "privacyguard-lira":
        own, told = (np.log((p + 1e-16) / (1 - p + 1e-16)) for p in (own, told))
        for side, rows in (("in", inside), ("out", ~inside)):
            frame[f"score_mean_{side}"] = told.mean(axis=0, where=rows)
            frame[f"score_std_{side}"] = told.std(axis=0, where=rows)
        frame["score_orig"] = own
        attack = LiraAttack(
            frame[member].copy(),
            frame[~member].copy(),
            AggregationType.AVG,
            use_fixed_variance=True,
            std_dev_type="mix",
            online_attack=True,
        )
    else:
        frame["score_orig"] = own
        for place, (one, rows) in enumerate(zip(told, inside, strict=True)):
            frame[f"score_ref_{place}"], frame[f"member_ref_{place}"] = one, rows
        attack = RmiaAttack(
            frame[member],
            frame[~member],
            frame,
            AggregationType.AVG,
            num_reference_models=len(shadows),
            online=True,
        )
    found = attack.run_attack()
    node = AnalysisNode(found, delta=1e-6, n_users_for_eval=len(np.unique(person)))
    auc, (low, high) = (node.compute_outputs()[name] for name in ("auc", "auc_ci"))
    users = [found.df_train_user, found.df_test_user]
    score = np.concatenate([one["score"] for one in users])
    rates = _rates(score, np.repeat([True, False], [len(one) for one in users]))
    return {"auc": float(auc), "low": float(low), "high": float(high), "tpr": rates["tpr"],
            "alarm": bool(low > 0.5)}  # fmt: skip


def peak_mb():
    """The most memory this process held; getrusage would tell of its parent, where that is more."""
    with open("/proc/self/status", encoding="utf-8") as file:
        (line,) = (line for line in file if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def main() -> None:
    """One attack, on the model of each file."""
    logging.disable(logging.CRITICAL)
    kind, *paths = sys.argv[1:]
    for path in paths:
        told = np.load(path)
        inputs, label, member = told["inputs"], told["label"].astype(int), told["member"]
        model = xgboost.XGBClassifier(**json.loads(str(told["recipe"])), n_jobs=1)
        model.fit(inputs[told["trained"]], label[told["trained"]])
        started = time.perf_counter()
        if kind in GIVEN:
            inside = told["inside"]
            shadows = _shadows(model, inputs, label, inside)
            known = model, inputs, label, member, told["person"], shadows, inside
            found = _sacro_given(*known) if kind == "lira-given" else _privacyguard(kind, *known)
        elif kind == "art":
            found = _art(model, inputs, label, member)
        else:
            found = _sacro(kind, model, inputs, label, member)
        found["seconds"] = time.perf_counter() - started
        found["mb"] = peak_mb()
        sys.stdout.write("\nFOUND " + json.dumps(found) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()

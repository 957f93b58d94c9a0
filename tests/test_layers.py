"""The house rules that a syntax tree can see."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from auditor.policy import words

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "auditor"

LAYERS = [
    *("core", "resources", "engine"),
    *("stats", "policy", "report"),
    *("data", "simulate", "signal", "learning", "targets", "attackers", "systems", "checks"),
    *("mitigation", "training", "config", "audit", "cli", "__main__"),
]
FOLDERS = {"auditor", "reports", "configs", "docs", "tests"}

PRINTS = {"print", "click.echo", "click.secho", "rich.print", "sys.stdout", "sys.stderr"}
EXITS = {"exit", "quit", "SystemExit", "sys.exit", "os._exit", "os.abort"}
RUNS_WHAT_IT_READS = {
    *("eval", "exec", "pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"),
    *("torch.load", "pandas.read_pickle", "numpy.loads"),
    *("yaml.load", "yaml.load_all", "yaml.full_load", "yaml.unsafe_load", "yaml.Loader"),
}
EVERYBODYS_STREAM = {
    *("random.seed", "numpy.random.seed", "numpy.random.set_state", "torch.seed"),
    *("torch.manual_seed", "torch.cuda.manual_seed", "torch.cuda.manual_seed_all"),
    *(
        "lightning.seed_everything",
        "lightning.fabric.seed_everything",
        "lightning_fabric.seed_everything",
    ),
}
OPENS_A_FOLDER = {"auditor.data.catalog.describe", "auditor.data.dataset.open_dataset"}
#: Ids of checks that are words of other trades as well: of files, settings, SARIF; a protocol.
ORDINARY = {"text", "training", "split", "cross-release"}
CHECKS = words.checks()
METRICS = {name for one in CHECKS.values() for name in one.metrics if "<" not in name}
#: A check that takes apart what others found draws from their streams.
TAKES_APART = {"attribution": {"attribute", "linkage"}}
#: What a training loop calls: of a loss, and of an optimizer.
STEPS = {"backward", "step", "zero_grad"}
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|NotImplementedError)\b")


class Module:
    """The names a module uses, written out in full, and the modules it imports."""

    def __init__(self, path: str, text: str) -> None:
        self.path, self.text, self.tree = path, text, ast.parse(text)
        self.nodes = list(ast.walk(self.tree))
        self.layer = Path(path).parts[1].removesuffix(".py")
        self.imports = list(self._imports())
        self.aliases = {local: full for _, full, local in self.imports}

    def _imports(self) -> Iterator[tuple[int, str, str]]:
        package = Path(self.path).parent.parts
        for node in self.nodes:
            if isinstance(node, ast.Import):
                for name in node.names:
                    top = name.name.split(".")[0]
                    yield node.lineno, name.name, name.asname or top
                    if not name.asname:
                        yield node.lineno, top, top
            elif isinstance(node, ast.ImportFrom):
                base = package[: len(package) - node.level + 1] if node.level else ()
                origin = ".".join((*base, *filter(None, [node.module])))
                for name in node.names:
                    yield node.lineno, f"{origin}.{name.name}", name.asname or name.name

    def uses(self, names: set[str]) -> Iterator[tuple[int, str]]:
        for line, full, _ in self.imports:
            if full in names or full.split(".")[0] in names:
                yield line, full
        for node in self.nodes:
            full = self.full(node)
            if full in names:
                yield node.lineno, full

    def full(self, node: ast.AST) -> str:
        if isinstance(node, ast.Name):
            return self.aliases.get(node.id, node.id)
        if isinstance(node, ast.Attribute) and (owner := self.full(node.value)):
            return f"{owner}.{node.attr}"
        return ""


Rule = Callable[[Module], Iterator[tuple[int, str]]]


def imports_reach_only_downwards(module: Module) -> Iterator[tuple[int, str]]:
    if module.layer == "__init__":  # it hands out `scan` when asked, and stands above them all
        return
    if module.layer not in LAYERS:
        yield 1, f"{module.layer} is no layer"
        return
    for line, full, _ in module.imports:
        top, _, rest = full.partition(".")
        if top != "auditor" or rest in ("", "__version__"):
            continue
        layer = rest.split(".")[0]
        if layer not in LAYERS:
            yield line, f"{full} is in no layer"
        elif LAYERS.index(layer) > LAYERS.index(module.layer):
            yield line, f"{module.layer} is below {layer}"


def core_knows_only_numpy_and_the_standard_library(module: Module) -> Iterator[tuple[int, str]]:
    for line, full, _ in module.imports:
        known = {*sys.stdlib_module_names, "numpy", "auditor"}
        if module.layer == "core" and full.split(".")[0] not in known:
            yield line, full


def only_the_command_line_prints_or_exits(module: Module) -> Iterator[tuple[int, str]]:
    if module.layer not in ("cli", "__main__"):
        yield from module.uses(PRINTS | EXITS)


def only_resources_knows_where_resources_are(module: Module) -> Iterator[tuple[int, str]]:
    if module.layer != "resources":
        yield from _lines(module.text, re.compile(r"_resources\b"))


def a_folder_is_opened_once_and_handed_on(module: Module) -> Iterator[tuple[int, str]]:
    if module.path != "auditor/targets/release.py" and module.layer not in ("cli", "data"):
        yield from module.uses(OPENS_A_FOLDER)


def nothing_that_is_read_is_run(module: Module) -> Iterator[tuple[int, str]]:
    yield from module.uses(RUNS_WHAT_IT_READS)
    for node in module.nodes:
        if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
            safe = isinstance(node.value, ast.Constant) and node.value.value is False
            if not safe:
                yield node.value.lineno, "allow_pickle"


def nobody_touches_the_random_stream_of_others(module: Module) -> Iterator[tuple[int, str]]:
    borrowed: set[int] = set()  # inside `with torch.random.fork_rng()` the stream is given back
    for node in module.nodes:
        if isinstance(node, ast.With) and node.end_lineno:
            calls = [item.context_expr for item in node.items]
            names = {module.full(call.func) for call in calls if isinstance(call, ast.Call)}
            if "torch.random.fork_rng" in names:
                borrowed.update(range(node.lineno, node.end_lineno + 1))
    for line, full in module.uses(EVERYBODYS_STREAM):
        if line not in borrowed:
            yield line, full


def only_one_loop_trains_networks(module: Module) -> Iterator[tuple[int, str]]:
    if module.path == "auditor/learning/fit.py":
        return
    for line, full, _ in module.imports:
        if f"{full}.".startswith("torch.optim."):
            yield line, full
    for node in module.nodes:
        if isinstance(node, ast.Attribute) and module.full(node) == "torch.optim":
            yield node.lineno, "torch.optim"
        call = node.func if isinstance(node, ast.Call) else None
        if isinstance(call, ast.Attribute) and call.attr in STEPS:
            yield call.lineno, call.attr


def nothing_is_left_to_be_written(module: Module) -> Iterator[tuple[int, str]]:
    yield from _lines(module.text, UNFINISHED)


def a_helper_lives_with_its_first_user(module: Module) -> Iterator[tuple[int, str]]:
    if Path(module.path).stem in ("utils", "util", "helpers", "misc", "common"):
        yield 1, module.path


def no_other_file_names_a_check_or_a_metric(module: Module) -> Iterator[tuple[int, str]]:
    """What is told about a check stands in its `words.yaml`: no other file has a case for it.

    Seen is a literal that is a check's id or a metric's name, as a key of a mapping or a subscript,
    as what `get` is asked for, in a comparison, and in a tuple, list or set; and a text, or the
    beginning of one, that a finding's id begins with. Not seen are names that are put together,
    patterns of names, ids that are ordinary words (but where something called `check` is compared
    with them), and a check's folder, where another check's id alone is objected to.
    """
    if module.layer == "stats":
        return
    here = [one for one in CHECKS.values() if f"auditor/checks/{one.folder}/" in module.path]
    own = {name for one in here for name in (one.id, *one.protocols, *TAKES_APART.get(one.id, ()))}
    others = CHECKS.keys() - own
    names = others if here else others | METRICS
    for node in module.nodes:
        for one, of_a_check in _used_as_a_name(node):
            known = names if of_a_check else names - ORDINARY
            if isinstance(one, ast.Constant) and one.value in known:
                yield one.lineno, str(one.value)
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            first, slash, _ = node.value.partition("/")
            if slash and first in others:
                yield node.lineno, node.value


def _used_as_a_name(node: ast.AST) -> Iterator[tuple[ast.AST | None, bool]]:
    """What is used as a key or looked for, and whether it is surely asked of a check."""
    if isinstance(node, ast.Dict):
        yield from ((one, False) for one in node.keys)
    elif isinstance(node, ast.Subscript):
        yield node.slice, False
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if node.func.attr == "get":
            yield from ((one, False) for one in node.args[:1])
    elif isinstance(node, ast.Compare):
        sides = [node.left, *node.comparators]
        of_a_check = any(ast.unparse(one).split(".")[-1] == "check" for one in sides)
        for side in sides:
            yield side, of_a_check
            if isinstance(side, ast.Tuple | ast.List | ast.Set):
                yield from ((one, of_a_check) for one in side.elts)
    elif isinstance(node, ast.Tuple | ast.List | ast.Set):
        yield from ((one, False) for one in node.elts)


def _lines(text: str, pattern: re.Pattern[str]) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), start=1):
        if found := pattern.search(line):
            yield number, found[0]


RULES: dict[Rule, list[tuple[str, str]]] = {
    # each with what it must object to, lest it sleep
    imports_reach_only_downwards: [
        ("auditor/core/record.py", "from auditor.data import store"),
        ("auditor/policy/judge.py", "def f():\n    import auditor.report.json"),
        ("auditor/attackers/template.py", "from ..checks import linkage"),
        ("auditor/attackers/template.py", "from .. import audit"),
        ("auditor/config.py", "from auditor import scan"),
        ("auditor/extras/new.py", ""),
    ],
    core_knows_only_numpy_and_the_standard_library: [
        ("auditor/core/view.py", "import pandas as pd"),
        ("auditor/core/view.py", "from scipy.stats import norm"),
    ],
    only_the_command_line_prints_or_exits: [
        ("auditor/audit.py", "print(1)"),
        ("auditor/audit.py", "raise SystemExit(2)"),
        ("auditor/audit.py", "import sys as s\ns.exit(1)"),
        ("auditor/audit.py", "from click import echo\necho(1)"),
    ],
    only_resources_knows_where_resources_are: [
        ("auditor/config.py", 'HERE / "_resources" / "configs"'),
    ],
    a_folder_is_opened_once_and_handed_on: [
        ("auditor/systems/study.py", "from auditor.data.catalog import describe"),
        ("auditor/targets/context.py", "from auditor.data.dataset import open_dataset as read"),
        ("auditor/audit.py", "from auditor.data import dataset\ndataset.open_dataset(root)"),
    ],
    nothing_that_is_read_is_run: [
        ("auditor/learning/artifact.py", "import pickle"),
        ("auditor/learning/artifact.py", "from joblib import load"),
        ("auditor/learning/artifact.py", "import torch\ntorch.load(path)"),
        ("auditor/learning/artifact.py", "from torch import load as read\nread(path)"),
        ("auditor/data/store.py", "import numpy as np\nnp.load(path, allow_pickle=True)"),
        ("auditor/data/store.py", "import numpy as np\nnp.load(path, allow_pickle=flag)"),
        ("auditor/config.py", "import yaml\nyaml.load(text, yaml.Loader)"),
        ("auditor/config.py", "eval(text)"),
    ],
    nobody_touches_the_random_stream_of_others: [
        ("auditor/attackers/vit.py", "import torch\ntorch.manual_seed(0)"),
        ("auditor/attackers/vit.py", "import numpy as np\nnp.random.seed(0)"),
        ("auditor/attackers/vit.py", "from numpy.random import seed\nseed(0)"),
    ],
    only_one_loop_trains_networks: [
        ("auditor/attackers/vit.py", "loss.backward()"),
        ("auditor/attackers/vit.py", "fabric.backward(loss)"),
        ("auditor/systems/dianet/network.py", "self.optimizer.step()"),
        ("auditor/systems/dianet/network.py", "optimizer.zero_grad()"),
        ("auditor/training/attacker.py", "import torch\ntorch.optim.AdamW([])"),
        ("auditor/training/attacker.py", "from torch.optim import AdamW"),
        ("auditor/training/delineator.py", "from torch import optim"),
        ("auditor/training/delineator.py", "import torch.optim.swa_utils"),
    ],
    nothing_is_left_to_be_written: [
        ("auditor/audit.py", "pass  # TO" + "DO"),
        ("auditor/audit.py", "raise NotImplemented" + "Error"),
    ],
    a_helper_lives_with_its_first_user: [("auditor/data/utils.py", "")],
    no_other_file_names_a_check_or_a_metric: [
        ("auditor/report/summary.py", '_TOLD = {"rank1": "People found"}'),
        ("auditor/report/summary.py", 'estimate = finding.estimates["rank1"]'),
        ("auditor/report/summary.py", 'estimate = finding.estimates.get("rank1")'),
        ("auditor/report/summary.py", 'linked = finding.check == "linkage"'),
        ("auditor/report/summary.py", 'written = finding.check == "text"'),
        ("auditor/report/summary.py", 'counted = one.check in {"uniqueness", "split"}'),
        ("auditor/report/summary.py", '_ORDER = ("linkage", "identifiers")'),
        ("auditor/report/summary.py", 'ours = name.startswith("linkage/")'),
        ("auditor/report/summary.py", 'name = f"linkage/{view}"'),
        ("auditor/checks/split/check.py", 'other = one.check == "membership"'),
        ("auditor/checks/run.py", 'known = measured.estimates["rank1"]'),
    ],
}


@cache
def package() -> list[Module]:
    """Every module of the package, read once for all rules."""
    return [
        Module(file.relative_to(ROOT).as_posix(), file.read_text(encoding="utf-8"))
        for file in sorted(PACKAGE.rglob("*.py"))
    ]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_package_keeps_the_rule(rule: Rule):
    modules = package()
    assert len(modules) > 20
    found = [f"{module.path}:{line}: {what}" for module in modules for line, what in rule(module)]
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("rule", "path", "text"), [(rule, *case) for rule, cases in RULES.items() for case in cases]
)
def test_the_rule_objects_where_it_should(rule: Rule, path: str, text: str):
    assert list(rule(Module(path, text)))


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (
            "auditor/cli/__init__.py",
            "import sys\nfrom auditor.audit import run\nprint(1)\nsys.exit(0)",
        ),
        ("auditor/attackers/vit.py", "model.eval()\nfrom .transformer import ViT\nself.exit()"),
        ("auditor/attackers/vit.py", "import torch\ntorch.Generator().manual_seed(0)"),
        (
            "auditor/learning/fit.py",
            "import torch.optim\nloss.backward()\noptimizer.step()",
        ),
        ("auditor/systems/training.py", "after(step)\nprogress.steps\ntorch.autograd.grad(a, b)"),
        (
            "auditor/learning/device.py",
            "import torch\nwith torch.random.fork_rng():\n    torch.manual_seed(0)",
        ),
        ("auditor/data/store.py", "import numpy as np\nnp.load(path, allow_pickle=False)"),
        ("auditor/config.py", "import yaml\nfrom auditor import __version__\nyaml.safe_load(text)"),
        ("auditor/targets/release.py", "from auditor.data.dataset import open_dataset"),
        ("auditor/report/sarif.py", 'message = {"text": told}'),
        ("auditor/checks/linkage/check.py", 'found = measured["rank1"]\nname = "linkage/vit"'),
        ("auditor/stats/estimators.py", 'found = {"rank1": rank1}'),
    ],
)
def test_no_rule_objects_to_what_is_right(path: str, text: str):
    module = Module(path, text)
    assert not [found for rule in RULES for found in rule(module)]


def test_templates_and_settings_are_finished_too():
    files = [file for folder in ("configs", "reports") for file in (ROOT / folder).rglob("*.*")]
    assert files
    assert not [file for file in files if UNFINISHED.search(file.read_text(encoding="utf-8"))]


def extra_folders(paths: list[str]) -> set[str]:
    folders = {path.split("/")[0] for path in paths if "/" in path}
    return {name for name in folders - FOLDERS if not name.startswith(".")}


def test_the_root_holds_no_other_folders():
    assert extra_folders(["scripts/run.py", ".ci/run", "auditor/audit.py", "Makefile"]) == {
        "scripts"
    }
    listing = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listing.returncode or not listing.stdout:
        pytest.skip("not a git checkout")
    assert not extra_folders(listing.stdout.splitlines())

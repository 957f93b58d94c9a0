"""Where the files that travel with the package are, and how a settings file is read."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import Any, Literal

from auditor.core.errors import ConfigError

_PACKAGE = Path(__file__).parent
#: A settings file is read up to this size.
_MAX_BYTES = 1_000_000

Kind = Literal["preset", "profile"]


def resource(name: str) -> Path:
    """A file or folder that ships with the package, such as `configs/presets`."""
    installed = _PACKAGE / "_resources" / name
    return installed if installed.exists() else _PACKAGE.parent / name


def package(room: str) -> Path:
    """The folder of one room of this package's code, such as `checks`."""
    return _PACKAGE / room


def names(kind: Kind) -> list[str]:
    """The shipped presets or profiles."""
    return sorted(path.stem for path in resource(f"configs/{kind}s").glob("*.yaml"))


def settings_file(kind: Kind, name: str) -> Path:
    """Where a shipped preset or profile is, or one of the user's own at a path."""
    if name in (known := names(kind)):
        return resource(f"configs/{kind}s") / f"{name}.yaml"
    path = Path(name)
    if path.suffix in (".yaml", ".yml") and path.is_file():
        return path
    raise ConfigError(
        f"no {kind} is named {name!r}; known: {', '.join(known)}, or the path of a .yaml file"
    )


def read_settings(path: Path) -> dict[str, Any]:
    """The names and values that a settings file holds.

    Raises
    ------
    ConfigError
        It cannot be read, holds something else, or says one thing twice.
    """
    raw = read_yaml(path)
    if not isinstance(raw, dict):
        raise ConfigError(f"{path}: holds {type(raw).__name__}, wanted names and values")
    return raw


def read_yaml(path: Path) -> Any:
    """What a settings file says; one that says a thing twice is refused."""
    import yaml

    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
        if len(content) > _MAX_BYTES:
            raise ConfigError(f"{path}: larger than {_MAX_BYTES} bytes; no settings file is")
        text = content.decode("utf-8")
        nodes = yaml.compose(text, Loader=yaml.SafeLoader)
        if _written_out(nodes, {}) > _MAX_BYTES:
            raise ConfigError(f"{path}: its aliases stand for more than a settings file holds")
        raw = yaml.safe_load(text)
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        reason = str(error).replace("\n", " ")
        raise ConfigError(f"{path}: cannot be read as YAML: {reason}") from None
    if twice := _twice(nodes):
        raise ConfigError(f"{path}: {twice}; keep one")
    return raw


def _written_out(node: Any, known: dict[int, float]) -> float:
    """How many parts a YAML document has once each alias is written out."""
    if id(node) not in known:
        known[id(node)] = math.inf  # of what holds itself
        parts = node.value if node is not None and not isinstance(node.value, str) else ()
        each = [one for part in parts for one in (part if isinstance(part, tuple) else (part,))]
        known[id(node)] = 1 + sum(_written_out(one, known) for one in each)
    return known[id(node)]


def _twice(root: Any) -> str | None:
    """A key that one mapping of a YAML document holds twice, of which YAML would take the last."""
    import yaml

    waiting, seen = [root], set()
    while waiting:
        node = waiting.pop()
        if node is None or id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            waiting += node.value
        elif isinstance(node, yaml.MappingNode):
            keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
            if len(set(keys)) < len(keys):
                key = Counter(keys).most_common(1)[0][0]
                line = node.start_mark.line + 1
                return f"{key:.60} stands twice in what begins in line {line}"
            waiting += [one for _, one in node.value]
    return None

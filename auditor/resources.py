"""Where the files that travel with the package are, and how a settings file is read and checked."""

from __future__ import annotations

import math
import os
import re
import stat
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import is_dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args, get_type_hints

from auditor.core.errors import ConfigError

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_PACKAGE = Path(__file__).parent
#: A settings file is read up to this size.
_MAX_BYTES = 1_000_000
#: Characters of a number: no setting has more, and long ones take long to understand.
_LONGEST_NUMBER = 100
#: Characters of what stands in a file that a message shows.
_SHOWN = 60
_TAG = "tag:yaml.org,2002:"

Kind = Literal["preset", "profile"]
Settings = TypeVar("Settings")


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
    if path.suffix in (".yaml", ".yml") and os.path.lexists(path):
        return path
    raise ConfigError(
        f"no {kind} is named {name!r}; known: {', '.join(known)}, or the path of a .yaml file"
    )


# --- what a file says ---------------------------------------------------------------------


@cache
def _loader(as_text: bool) -> Any:
    """YAML without days, and, where all is wanted as text, without numbers, yes and no."""
    import yaml  # here, for most commands read no settings

    kinds = ("null", "merge") if as_text else ("null", "merge", "bool", "int", "float")

    class Loader(yaml.SafeLoader):
        """Takes unquoted words for these kinds alone."""

    Loader.yaml_implicit_resolvers = {
        first: [pair for pair in pairs if pair[0].removeprefix(_TAG) in kinds]
        for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    if not as_text:
        # YAML 1.1 knows no number in `1e-3`, and whoever writes it means one.
        number = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$")
        Loader.add_implicit_resolver(f"{_TAG}float", number, list("-+.0123456789"))
    return Loader


def read_settings(path: Path, *, as_text: bool = False) -> dict[str, Any]:
    """The names and values that a settings file holds; as `read_yaml`."""
    raw = read_yaml(path, as_text=as_text)
    if not isinstance(raw, dict):
        raise ConfigError(f"{path}: holds {shown(raw)}, wanted names and values")
    return raw


def read_yaml(path: Path, *, as_text: bool = False) -> Any:
    """What a settings file says: mappings, lists, texts, finite numbers, yes and no, nothing.

    Keys are texts, and so are days, as they are written.

    Parameters
    ----------
    as_text : whether numbers, yes and no are texts too, so that `0007`, `12:30` and `no` are not
        changed; whoever wants a number makes one of the text

    Raises
    ------
    ConfigError
        It is no file, too large, cannot be read as YAML, or says one thing twice.
    """
    import yaml

    text = _text_of(path)
    try:
        root: Any = yaml.compose(text, Loader=_loader(as_text))
        if _written_out(root, {}) > _MAX_BYTES:
            raise ConfigError("its aliases stand for more than a settings file holds")
        return _value(root)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{path}: line {mark.line + 1}" if mark else str(path)
        why = _one_line(", ".join(filter(None, (error.context, error.problem))))
        raise ConfigError(f"{where}: cannot be read as YAML: {why}") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ConfigError(
            f"{path}: line {line}: holds the character U+{ord(text[error.position]):04X}, which "
            "YAML does not allow; take it out"
        ) from None
    except RecursionError:
        raise ConfigError(f"{path}: nests deeper than any settings file does") from None
    except (ValueError, ArithmeticError) as error:  # what the library does not expect itself
        raise ConfigError(f"{path}: cannot be read as YAML: {_one_line(str(error))}") from None


def read_bytes(path: Path) -> bytes:
    """What is written in a file of a bounded size.

    Raises
    ------
    ConfigError
        It is no file, cannot be read, or is too large.
    """
    try:
        # A named pipe would never be opened.
        if not stat.S_ISREG(path.stat().st_mode):
            what = "a folder" if path.is_dir() else "a pipe or a device"
            raise ConfigError(f"{path}: is {what}, wanted a file")
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise ConfigError(f"{path}: cannot be read: {why}") from None
    if len(content) > _MAX_BYTES:
        raise ConfigError(f"{path}: larger than {_MAX_BYTES} bytes; no settings file is")
    return content


def _text_of(path: Path) -> str:
    """The text of a settings file."""
    content = read_bytes(path)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}: line {line}: is not UTF-8; save the file as UTF-8") from None


def _written_out(node: Any, known: dict[int, float]) -> float:
    """How many parts a YAML document has once each alias is written out; no key stands twice."""
    if id(node) not in known:
        known[id(node)] = math.inf  # of what holds itself
        if node is not None and node.id == "mapping":
            _refuse_twice(node)
        parts = node.value if node is not None and not isinstance(node.value, str) else ()
        each = [one for part in parts for one in (part if isinstance(part, tuple) else (part,))]
        known[id(node)] = 1 + sum(_written_out(one, known) for one in each)
    return known[id(node)]


def _refuse_twice(node: Any) -> None:
    """Refuse a key that a mapping holds twice, of which YAML would take the last."""
    seen: set[str] = set()
    for key, _ in node.value:
        if (name := _key(key)) in seen:
            raise ConfigError(f"{_line(key)}: {_word(name)} stands twice; keep one")
        seen.add(name)


def _value(node: Any) -> Any:
    """What a node of a YAML document says."""
    from yaml.constructor import SafeConstructor

    if node is None:
        return None
    kind = node.tag.removeprefix(_TAG)
    if (node.id, kind) == ("sequence", "seq"):
        return [_value(one) for one in node.value]
    if (node.id, kind) == ("mapping", "map"):
        SafeConstructor().flatten_mapping(node)
        return {_key(key): _value(one) for key, one in node.value}
    if node.id == "scalar":
        if kind == "null":
            return None
        if kind in ("str", "merge"):
            return _written(node)
        if kind in ("bool", "int", "float"):
            return _number(node)
    tag = _word(node.tag.replace(_TAG, "!!"))
    raise ConfigError(f"{_line(node)}: the tag {tag} does not belong here; take it out")


def _key(node: Any) -> str:
    if node.id != "scalar":
        raise ConfigError(f"{_line(node)}: seen brackets as a key, wanted a name")
    return _written(node)


def _written(node: Any) -> str:
    """A word of a YAML document as it is written."""
    if mark := re.search("[\0\ud800-\udfff]", node.value):
        raise ConfigError(
            f"{_line(node)}: holds the character U+{ord(mark[0]):04X}, which is in no text; take "
            "it out"
        )
    return str(node.value)


def _number(node: Any) -> Any:
    """A number, yes or no."""
    from yaml.constructor import SafeConstructor

    written = node.value
    if len(written) > _LONGEST_NUMBER:
        raise ConfigError(
            f"{_line(node)}: seen a number of {len(written):,} characters; no setting has so many"
        )
    try:
        value = SafeConstructor().construct_object(node)
    except (ValueError, LookupError, ArithmeticError):
        value = None
    if value is None or not math.isfinite(value) or abs(value) >= 2**63:
        raise ConfigError(f"{_line(node)}: {shown(written)} is no number that a setting can have")
    return value


def _line(node: Any) -> str:
    return f"line {node.start_mark.line + 1}"


# --- whether it is what is wanted ---------------------------------------------------------

#: How a message calls what is wanted, by how the kinds of pydantic's errors begin.
_WANTED = {
    **{"string": "text", "int": "a whole number", "float": "a number", "bool": "true or false"},
    **{"finite": "a finite number", "tuple": "a list", "list": "a list"},
    **dict.fromkeys(("dict", "mapping", "model", "dataclass"), "names and values"),
}
_UNKNOWN = ("extra_forbidden", "unexpected_keyword_argument")


def validated(kind: type[Settings], raw: Any, where: str = "") -> Settings:
    """Settings as the model or dataclass that they are wanted as.

    Parameters
    ----------
    where : what a message begins with, such as the file

    Raises
    ------
    ConfigError
        A key is unknown or missing, or a value is wrong: what, where, seen, wanted, in one line.
    """
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(kind).validate_python(raw)
    except ValidationError as error:
        # A key with a slip in it is unknown, and the right one is missing: the first tells more.
        problem = min(error.errors(), key=lambda one: one["type"] not in _UNKNOWN)
        told = (where, _place(problem["loc"], raw), _told(problem, kind))
        raise ConfigError(": ".join(filter(None, told))) from None


def one_or_more(value: Any) -> Any:
    """One name where a list of names is wanted, as a list of one."""
    return [value] if isinstance(value, str) else value


def nearest(name: str, known: Iterable[str]) -> str:
    """The nearest known name, else all of them."""
    names = list(known)
    near = get_close_matches(name[:_SHOWN], names, n=1)
    return f"did you mean {near[0]}?" if near else f"known: {', '.join(names) or 'none'}"


def shown(value: Any) -> str:
    """What stands in a file, for a message: in one line, and not all of it."""
    if value is None:
        return "nothing"
    if isinstance(value, Mapping):
        return "names and values"
    if isinstance(value, list | tuple):
        return "a list"
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _told(problem: ErrorDetails, kind: Any) -> str:
    """What is wrong, without where."""
    family, _, rest = problem["type"].partition("_")
    context = problem.get("ctx", {})
    if problem["type"] in _UNKNOWN:
        return f"unknown key; {nearest(str(problem['loc'][-1]), _keys(kind, problem['loc'][:-1]))}"
    if problem["loc"] and problem["loc"][-1] == "[key]" and "expected" in context:
        return f"unknown key; known: {context['expected']}"
    if problem["type"] == "value_error":
        return _one_line(str(context["error"]))
    if rest in ("type", "unicode", "number", "from_float", "attributes_type") or "parsing" in rest:
        wanted = _WANTED.get(family, problem["msg"])
    elif problem["type"] == "string_pattern_mismatch":
        return f"wanted text that fits {context['pattern']}"
    elif problem["type"] == "missing":
        return "is missing"
    else:
        wanted = re.sub(
            r"^\w+ should (be|have) |( after validation)?, not \d+$", "", problem["msg"]
        )
    return f"seen {shown(problem['input'])}, wanted {wanted}"


def _place(where: Sequence[str | int], raw: Any) -> str:
    """Where in settings something is wrong; an entry of a list bears its id, else its number."""
    told = ""
    for part in where:
        try:
            raw = raw[part]
        except (LookupError, TypeError):
            raw = None
        if isinstance(part, int):
            named = raw.get("id") if isinstance(raw, Mapping) else None
            told = f"{told.removesuffix('.').removesuffix('s')} {_word(named or part + 1)}, "
        elif part != "[key]":
            told += f"{_word(part)}."
    return told.removesuffix(".").removesuffix(", ")


def _keys(kind: Any, where: Iterable[str | int]) -> list[str]:
    """The keys that settings of a kind may have at a place."""
    for part in where:
        kinds = [one for one in get_args(kind) if one is not Ellipsis]
        kind = _fields(kind).get(part) or (kinds[-1] if kinds else None)
        if NoneType in (either := get_args(kind)):
            kind = next(one for one in either if one is not NoneType)
    return list(_fields(kind))


def _fields(kind: Any) -> dict[Any, Any]:
    """Of what kind each setting of a model or a dataclass is; {} of all else."""
    if is_dataclass(kind):
        return get_type_hints(kind)
    return {name: one.annotation for name, one in getattr(kind, "model_fields", {}).items()}


def _word(value: Any) -> str:
    """A name as it is written, if it can be seen and is short."""
    text = str(value)
    return text if text.isprintable() and len(text) <= _SHOWN else shown(text)


def _one_line(text: str) -> str:
    return " ".join(text.split())

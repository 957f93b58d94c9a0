"""The child process in which onnx and onnxruntime read and run a file: `onnx.py` asks it.

Little is imported here, for a child is started for each file.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import onnx
import onnxruntime  # type: ignore[import-untyped]
from numpy.typing import NDArray

from auditor.core.confined import MOST, Arrays, Words, serve
from auditor.core.errors import ModelError
from auditor.targets.onnx_inside import keeping_records, thresholds, with_inside

#: The standard's operators, and those of them that may never end.
_STANDARD = ("", "ai.onnx", "ai.onnx.ml")
_LOOPS = ("Loop", "Scan")
#: Graphs within graphs, and nodes in all of them.
_DEEPEST, _MOST_NODES = 4, 1_000_000
#: The smallest numbers of the standard have two bits.
_NUMBERS_A_BYTE = 4
#: Longer texts are told by their digests.
_LONGEST = 100
#: How onnxruntime says that it asked for more memory than there is.
_NO_MEMORY = ("allocate memory", "bad_alloc", "would require more than", "bad allocation")


class _File:
    """A file that is opened by the first question, and run by the others."""

    def __init__(self) -> None:
        self._session: Any = None

    def answer(self, words: Words, arrays: Arrays) -> tuple[Words, Arrays]:
        """What the file reads and gives out, or what it gives out for some numbers.

        A file that is refused is answered with `wrong`; what onnxruntime cannot do, with `error`.
        """
        try:
            if self._session is None:
                return self._opened(arrays[0].tobytes())
            given = dict(zip(words["inputs"], arrays, strict=True))
            told = [_in_numbers(one) for one in self._session.run(words["outputs"], given)]
        except ModelError as error:
            return {"wrong": str(error)}, ()
        except MemoryError:
            raise
        except Exception as error:  # of a binding, whose errors have no common kind
            if any(one in str(error) for one in _NO_MEMORY):
                raise MemoryError from error
            return {"error": type(error).__name__}, ()
        values = [one for one, _ in told]
        if sum(one.nbytes for one in values) > MOST:
            raise MemoryError
        return {"about": [about for _, about in told]}, values

    def _opened(self, content: bytes) -> tuple[Words, Arrays]:
        try:
            model = onnx.load_model_from_string(content)
        except MemoryError:
            raise
        except Exception as error:  # of protobuf, whose errors are no one family's
            raise ModelError("is damaged, or no ONNX file; export it again") from error
        _refuse_strange(model, len(content))
        keeps = keeping_records(model)
        cuts = _thresholds(model)
        try:
            leaves, embeddings, n_left = with_inside(model)
            session = _session(model.SerializeToString())
        except MemoryError:
            raise
        except Exception:  # what it does inside cannot be told
            leaves, embeddings, n_left = [], [], 1
            session = _session(content)
        self._session = session
        sides = {"inputs": session.get_inputs(), "outputs": session.get_outputs()}
        told = {
            side: [{"name": one.name, "type": one.type, "shape": one.shape} for one in some]
            for side, some in sides.items()
        }
        words = {
            **told,
            "leaves": leaves,
            "embeddings": embeddings,
            "n_left": n_left,
            "keeps": keeps,
            "trees": cuts is not None,
        }
        return words, () if cuts is None else cuts


def _thresholds(model: Any) -> Arrays | None:
    """Those of its trees; none of trees that are damaged, which onnxruntime will say."""
    try:
        return thresholds(model)
    except MemoryError:
        raise
    except Exception:
        return np.zeros(0, np.int64), np.zeros(0)


def _session(content: bytes) -> Any:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def _in_numbers(value: Any) -> tuple[NDArray[Any], Mapping[str, list[str]]]:
    """What the file gives out, in numbers: of maps, a row for each by their `classes`; of texts,
    which of some `texts` each is.

    Raises
    ------
    ModelError
        It is no table of either.
    """
    if isinstance(value, list):
        keys = list(value[0]) if value and isinstance(value[0], dict) else []
        if not keys or any(list(one) != keys for one in value):
            raise ModelError(
                "gives out maps that are not of the same classes for each record; export it "
                "without maps (zipmap)"
            )
        rows = [[one[key] for key in keys] for one in value]
        return np.array(rows, np.float32), {"classes": [_short(str(one)) for one in keys]}
    array = np.asarray(value)
    if array.dtype.kind in "biuf":
        return array, {}
    names, place = np.unique(array.astype(str), return_inverse=True)
    return place.reshape(array.shape), {"texts": [_short(str(one)) for one in names]}


def _short(text: str) -> str:
    if len(text) <= _LONGEST:
        return text
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _refuse_strange(model: Any, n_bytes: int) -> None:
    """Refuse a file that asks for more than itself and the operators of the standard that end."""
    own = {(one.domain, one.name) for one in model.functions}
    n_nodes, loops = 0, False
    for part, depth in _parts(model):
        kind = part.DESCRIPTOR.name
        if depth > _DEEPEST:
            raise ModelError(f"has graphs nested more than {_DEEPEST} deep; export it without")
        if kind == "TensorProto" and (part.external_data or part.data_location):
            raise ModelError("keeps numbers in another file; export it as one file")
        if kind == "TensorProto" and math.prod(part.dims) > n_bytes * _NUMBERS_A_BYTE:
            raise ModelError("holds fewer numbers than it says; export it again")
        if kind != "NodeProto":
            continue
        n_nodes += 1
        if n_nodes > _MOST_NODES:
            raise ModelError(f"has more than {_MOST_NODES:,} nodes; export less of it")
        if part.domain in _STANDARD:
            loops |= part.op_type in _LOOPS
        elif (part.domain, part.op_type) not in own:
            raise ModelError(
                "uses operators that are not of the ONNX standard; export it with those of the "
                "standard alone"
            )
    if loops:
        raise ModelError(
            f"has loops ({', '.join(_LOOPS)}), which may never end; export it without them"
        )


def _parts(message: Any, depth: int = -1) -> Iterator[tuple[Any, int]]:
    """A message of protobuf and all that it is made of, as deep as protobuf lets one nest, and how
    many graphs each lies in beyond the first.
    """
    kind = message.DESCRIPTOR.name
    depth += kind == "GraphProto"
    yield message, depth
    if kind == "TensorProto":
        return  # large, and made of nothing that counts
    for field, value in message.ListFields():
        if field.message_type is not None:
            for one in value if field.is_repeated else [value]:
                yield from _parts(one, depth)


if __name__ == "__main__":
    serve(_File().answer)

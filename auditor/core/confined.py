"""Work of a library's native code, done in a child process with limits of memory and time.

Native code that reads a file of somebody else may ask for more memory than there is, never end, or
break. In a child it ends alone, and whoever asked is told how. Parent and child exchange JSON and
numbers over two pipes, and nothing that is run. This is no jail: the child may read what the parent
may read.
"""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import weakref
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Timer
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

try:
    import resource
except ImportError:  # not on Windows, where nothing limits the child's memory
    resource = None  # type: ignore[assignment]

Words = Mapping[str, Any]
Arrays = Sequence[NDArray[Any]]
Answer = Callable[[Words, Arrays], tuple[Words, Arrays]]

#: Bytes of numbers, and of words, that are told at once.
MOST, _MOST_WORDS = 1 << 30, 1 << 24
#: Bytes of addresses that each thread of a library takes without using them.
_PER_THREAD = 1 << 24
#: Seconds after which a child that nobody stopped, for its parent is gone, ends by itself.
_GRACE = 5


class Ended(Exception):
    """The child is gone; the message says how it ended."""


class Confined:
    """A child process that answers questions, and ends with its parent or when it is let go.

    Parameters
    ----------
    program : module that the child runs; it calls `serve`
    memory : bytes that the child may have beyond what it has after its imports; kept on Linux
    """

    def __init__(self, program: str, memory: int) -> None:
        settings = {
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            # Address space counts, and the allocator would take 128 MiB of it for each thread.
            "MALLOC_ARENA_MAX": "2",
            "OPENBLAS_NUM_THREADS": "1",
        }
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", program, str(memory)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=os.environ | settings,
            )
        except OSError as error:
            raise Ended(f"could not be started ({error.strerror})") from error
        self.pid = self._process.pid
        self.close = weakref.finalize(self, _end, self._process)

    def ask(
        self, words: Words, arrays: Arrays, seconds: float
    ) -> tuple[dict[str, Any], list[NDArray[Any]]]:
        """What the child answers, in words and numbers.

        Raises
        ------
        Ended
            It took longer than so many seconds, or ended. Nothing more can be asked of it.
        """
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        late: list[bool] = []

        def stop() -> None:
            late.append(True)
            self._process.kill()

        timer = Timer(seconds, stop)
        timer.daemon = True
        timer.start()
        try:
            _send(stdin, {"seconds": seconds, "words": words}, arrays)
            answer = _received(stdout)
        except (OSError, ValueError, MemoryError):  # it no longer listens, or tells nonsense
            answer = None
        finally:
            timer.cancel()
        if answer is not None:
            return answer
        self.close()
        if late:
            raise Ended(f"took longer than {seconds:.4g} s")
        raise Ended(_how(self._process.returncode))


def serve(answer: Answer) -> None:
    """Answer the parent's questions until there are no more; what the child's program calls.

    Parameters
    ----------
    answer : gives words and numbers for words and numbers. A MemoryError of its own is answered
        with the word `memory`; any other exception ends the child.
    """
    given, told = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1):  # what a library prints is no answer
        os.dup2(nowhere, stream)
    _limit(int(sys.argv[1]))
    while question := _received(given):
        about, arrays = question
        if hasattr(signal, "alarm"):
            # The kernel ends a process whose native code returns to nobody.
            signal.alarm(math.ceil(about["seconds"]) + _GRACE)
        try:
            said = answer(about["words"], arrays)
        except MemoryError:
            said = {"memory": True}, []
        _send(told, *said)
        if hasattr(signal, "alarm"):
            signal.alarm(0)


def _limit(memory: int) -> None:
    """Let this process have so many bytes more than it has, and leave no picture of them behind."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except OSError:  # not on Linux, which alone heeds such a limit
        return
    most = pages * resource.getpagesize() + memory + _PER_THREAD * (os.cpu_count() or 1)
    for kind, limit in ((resource.RLIMIT_AS, most), (resource.RLIMIT_CORE, 0)):
        _, hard = resource.getrlimit(kind)
        limit = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(kind, (limit, limit))


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    for stream in (process.stdin, process.stdout):
        try:
            if stream:
                stream.close()
        except OSError:  # what was still to be written goes nowhere
            continue
    process.wait()


def _how(status: int) -> str:
    if status >= 0:
        return f"ended with status {status}"
    try:
        return f"was ended by {signal.Signals(-status).name}"
    except ValueError:
        return f"was ended by signal {-status}"


# --- the pipe -----------------------------------------------------------------------------


def _send(pipe: IO[bytes], words: Words, arrays: Arrays) -> None:
    shapes = [(one.dtype.str, one.shape) for one in arrays]
    head = json.dumps({"words": words, "arrays": shapes}).encode()
    pipe.write(len(head).to_bytes(4, "big") + head)
    for one in arrays:
        pipe.write(np.ascontiguousarray(one).reshape(-1).view(np.uint8).data)
    pipe.flush()


def _received(pipe: IO[bytes]) -> tuple[dict[str, Any], list[NDArray[Any]]] | None:
    """Words and numbers; None where the other end is closed.

    Raises
    ------
    ValueError
        What comes is no such thing, or too much of it.
    """
    n = int.from_bytes(pipe.read(4), "big")
    if not n:
        return None
    if n > _MOST_WORDS:
        raise ValueError("too many words")
    head = json.loads(_whole(pipe, n))
    arrays, left = [], MOST
    try:
        words = dict(head["words"])
        for kind, shape in head["arrays"]:
            dtype, shape = np.dtype(kind), tuple(map(int, shape))
            size = math.prod(shape) * dtype.itemsize
            left -= size
            if dtype.kind not in "biuf" or min(shape, default=0) < 0 or left < 0:
                raise ValueError("no numbers, or too many")
            arrays.append(np.frombuffer(_whole(pipe, size), dtype).reshape(shape))
    except (TypeError, KeyError) as error:
        raise ValueError("no question and no answer") from error
    return words, arrays


def _whole(pipe: IO[bytes], n: int) -> bytearray:
    content = bytearray(n)
    view, at = memoryview(content), 0
    while at < n:
        if not (read := pipe.readinto(view[at:])):  # type: ignore[attr-defined]
            raise ValueError("it is cut short")
        at += read
    return content

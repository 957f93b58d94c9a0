"""Native code works in a child: it answers in numbers, it is limited, and it dies alone."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from auditor.core.confined import Confined, Ended

PROGRAM = """
import os, signal, time
import numpy as np
from auditor.core.confined import serve

def answer(words, arrays):
    match words["do"]:
        case "sleep":
            time.sleep(60)
        case "write":
            os.write(1, b"said by a library")
        case "die":
            os.kill(os.getpid(), words["by"])
        case "raise":
            raise ValueError
        case "hoard":
            np.ones(words["bytes"], np.uint8)
        case "text":
            return {}, [np.array(["no number"])]
    return words, arrays

if __name__ == "__main__":
    serve(answer)
"""


@pytest.fixture
def child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Confined]]:
    (tmp_path / "program_of_a_test.py").write_text(PROGRAM)
    monkeypatch.syspath_prepend(tmp_path)
    made: list[Confined] = []

    def start(memory: int = 1 << 28) -> Confined:
        made.append(Confined("program_of_a_test", memory))
        return made[-1]

    yield start
    for one in made:
        one.close()


def is_gone(pid: int) -> bool:
    """Whether a process has ended, within some seconds."""
    for _ in range(100):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.1)
    return False


def test_numbers_come_back_to_the_bit(child):
    rng = np.random.default_rng(0)
    given = [
        rng.normal(size=(3, 4, 5)).astype(np.float32),
        np.array([np.nan, -0.0, np.inf]),
        np.array(7, np.int64),
        np.zeros((0, 3), np.float16),
        rng.normal(size=(40, 30))[::2, ::3],
        np.array([True, False]),
    ]
    one = child()
    for _ in range(2):
        said, told = one.ask({"do": "nothing", "é": [1, None]}, given, 60)
        assert said == {"do": "nothing", "é": [1, None]}
        for ours, theirs in zip(given, told, strict=True):
            assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
            assert ours.tobytes() == theirs.tobytes()


def test_what_a_library_prints_is_no_answer(child):
    assert child().ask({"do": "write"}, [], 60) == ({"do": "write"}, [])


def test_it_has_so_much_time_for_each_question(child):
    one = child()
    one.ask({"do": "nothing"}, [], 60)
    with pytest.raises(Ended, match=r"took longer than 0\.3 s"):
        one.ask({"do": "sleep"}, [], 0.3)
    assert is_gone(one.pid)
    with pytest.raises(Ended):
        one.ask({"do": "nothing"}, [], 60)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits a process's addresses")
def test_it_has_so_much_memory_and_says_when_that_is_not_enough(child):
    one = child()
    assert one.ask({"do": "hoard", "bytes": 1 << 33}, [], 60)[0] == {"memory": True}
    assert one.ask({"do": "hoard", "bytes": 1 << 26}, [], 60)[0]["do"] == "hoard"


@pytest.mark.parametrize("by", [signal.SIGSEGV, signal.SIGABRT, signal.SIGKILL])
def test_it_dies_alone_and_how_is_told(child, by: signal.Signals):
    with pytest.raises(Ended, match=f"was ended by {by.name}"):
        child().ask({"do": "die", "by": by}, [], 60)


@pytest.mark.parametrize("do", ["raise", "text"])
def test_what_is_no_answer_is_an_end(child, do: str):
    with pytest.raises(Ended):
        child().ask({"do": do}, [], 60)


def test_a_program_that_is_not_there_is_an_end(child, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(Ended, match="ended with status 1"):
        Confined("auditor.no_such_program", 1 << 28).ask({}, [np.zeros(1 << 20)], 60)
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    with pytest.raises(Ended, match="could not be started"):
        child()


def test_it_ends_when_nobody_holds_it():
    one = Confined("auditor.targets.onnx_session", 1 << 28)
    pid = one.pid
    del one
    gc.collect()
    assert is_gone(pid)


def test_it_ends_with_its_parent_however_that_ends(child):
    parent = (
        "import os, threading; from auditor.core.confined import Confined\n"
        "one = Confined('program_of_a_test', 1 << 28); one.ask({'do': 'nothing'}, [], 60)\n"
        "print(one.pid, flush=True)\n"
        "threading.Timer(0.5, lambda: os.kill(os.getpid(), 9)).start()\n"
        "one.ask({'do': 'sleep'}, [], 1)"
    )
    told = subprocess.run(
        [sys.executable, "-c", parent], capture_output=True, text=True, check=False,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )  # fmt: skip
    assert told.returncode == -signal.SIGKILL
    assert is_gone(int(told.stdout))

"""What a steward meets: help, one clear line, and an exit status that says one thing."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pandas as pd
import pytest
from click.testing import CliRunner

from auditor.checks.cross_release.check import Links
from auditor.cli import main
from auditor.core.finding import Audit, Finding, Verdict
from tests import manual
from tests.data import writers
from tests.releases import write_release

ROOT = Path(__file__).parent.parent
RELEASED = ROOT / "tests" / "report" / "released" / "audit-1.json"


def commands(group=main, path=()):
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


def auditor(*args: object):
    return CliRunner().invoke(main, [str(arg) for arg in args])


@pytest.fixture
def brief(tmp_path) -> Path:
    """A preset that asks one question: of how a scan ends, not of what it finds."""
    path = tmp_path / "brief.yaml"
    path.write_text(
        "title: brief\nmax_seconds: 60\nlinkage_views: [template]\nattribute_views: [template]\n"
        "protocols: [same-session]\nchecks: [identifiers]\ntraining: null\n"
    )
    return path


@pytest.fixture(scope="module")
def release(tmp_path_factory) -> Path:
    return write_release(tmp_path_factory.mktemp("release"), identity=1, seed=0)


@pytest.fixture(scope="module")
def finished(release, tmp_path_factory) -> Path:
    """What a scan by the rungs that ask no network leaves."""
    out, preset = tmp_path_factory.mktemp("out"), tmp_path_factory.mktemp("preset") / "cheap.yaml"
    preset.write_text(
        "title: cheap\nmax_seconds: 60\nlinkage_views: [template, fiducials, subspace]\n"
        "attribute_views: [fiducials]\nprotocols: [same-session, cross-session]\ntraining: null\n"
    )
    assert auditor("scan", release, "--preset", preset, "--out", out).exit_code == 1
    return out


@pytest.mark.parametrize(("path", "command"), list(commands()), ids=str)
def test_every_command_has_help_with_an_example(path, command):
    assert command.help, f"{path} has no help"
    assert f"auditor {' '.join(path)}" in command.help, f"{path} shows no example"
    shown = auditor(*path, "--help").output
    assert "Usage:" in shown
    for option in command.params:
        if isinstance(option, click.Option):
            assert option.help, f"{path}: {option.name} has no help"


def test_help_does_not_wait_for_torch():
    code = "import sys; from auditor.cli import main; main(['--help'], standalone_mode=False); "
    code += "sys.exit('torch' in sys.modules or 'pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0


def test_the_manual_names_commands_and_flags_that_exist():
    known = dict(commands())
    lines = manual.command_lines()
    assert len(lines) > 40
    for words in lines:
        path = tuple(words[:2]) if tuple(words[:2]) in known else tuple(words[:1])
        assert path in known, f"auditor {' '.join(words)}"
        options = {opt for parameter in known[path].params for opt in parameter.opts}
        flags = {word.partition("=")[0] for word in words if word.startswith("--")} - {"--"}
        assert flags <= options, f"auditor {' '.join(words)}"
    every = {opt for command in known.values() for p in command.params for opt in p.opts}
    assert manual.flags() <= every | {"--help"}


def test_the_manual_names_every_command_and_every_flag():
    shown = [" ".join(words) for words in manual.command_lines()]
    for path, command in commands():
        name = " ".join(path)
        # The clinical systems stand in a table, by their last name.
        listed = path[0] == "train" and f"`{path[-1]}`" in manual.prose()
        assert listed or any(line.startswith(name) for line in shown), f"auditor {name}"
        for option in command.params:
            if isinstance(option, click.Option):
                assert option.opts[0] in manual.flags(), f"auditor {name}: {option.opts[0]}"


def test_a_scan_leaves_a_report_that_can_be_judged_and_drawn_again(finished, tmp_path):
    audit = json.loads((finished / "audit.json").read_text())
    assert audit["verdict"]["exit_status"] == 1
    assert sorted(path.name for path in finished.iterdir()) == ["audit.json", "report.html"]
    page = tmp_path / "page.html"
    assert auditor("report", finished / "audit.json", "--out", page).exit_code == 0
    assert page.read_bytes() == (finished / "report.html").read_bytes()
    for profile in ("public", "registered", "enclave"):
        judged = auditor("gate", finished / "audit.json", "--profile", profile)
        assert judged.exit_code == 1
        assert "FAIL" in judged.output


def test_a_scan_heeds_waivers_and_a_baseline_and_writes_down_who_answers(release, tmp_path, brief):
    rules = """
  - {id: names, check: identifiers, estimate: direct, limit: 0, basis: "law: x"}
  - {id: risk, check: uniqueness, estimate: max_risk, limit: 0.09, basis: our default}
"""
    (tmp_path / "p.yaml").write_text(f"title: t\ncontext: c\npopulation: 100\nrules: {rules}")
    (tmp_path / "waivers.yaml").write_text(
        "- {rule: risk, finding: uniqueness/metadata, owner: the board, reason: an enclave,\n"
        "   expires: 2999-12-31}\n"
    )
    brief.write_text(brief.read_text().replace("[identifiers]", "[identifiers, uniqueness]"))
    asked = ("scan", release, "--preset", brief, "--profile", tmp_path / "p.yaml")
    first, second = tmp_path / "first", tmp_path / "second"
    assert auditor(*asked, "--out", first).exit_code == 1
    accepted = ("--waivers", tmp_path / "waivers.yaml", "--baseline", first / "audit.json")
    done = auditor(*asked, "--out", second, *accepted, "--show", "failed")
    assert done.exit_code == 0
    assert "2 failed and accepted" in done.output
    judged = json.loads((second / "audit.json").read_text())["verdict"]["rules"]
    assert [rule["outcome"] for rule in judged] == ["fail", "fail"]
    assert judged[1]["waived"][0]["owner"] == "the board"
    assert all(rule["known"] for rule in judged)
    # The same findings, held against the baseline of other people who are called the same.
    others = write_release(tmp_path / "others", identity=1, seed=9)
    anew = ("scan", others, *asked[2:])
    refused = auditor(*anew, "--out", tmp_path / "o", "--baseline", first / "audit.json")
    assert "of other recordings" in one_line(refused)
    itself = ("gate", second / "audit.json", "--profile", tmp_path / "p.yaml")
    refused = auditor(*itself, "--baseline", second / "audit.json")
    assert "this audit itself" in one_line(refused)
    # Cells under the profile's minimum are not told, nor judged by.
    large = (tmp_path / "p.yaml").read_text() + "minimum_cell: 30\n"
    (tmp_path / "p.yaml").write_text(large)
    assert auditor(*asked, "--out", tmp_path / "large").exit_code == 3
    assert '"people": 24' not in (tmp_path / "large" / "audit.json").read_text()


def test_a_table_that_somebody_holds_and_one_of_the_population_are_reckoned_with(
    release, tmp_path, brief
):
    from tests.policy.test_population import profile

    own = profile(tmp_path)
    brief.write_text(brief.read_text().replace("[identifiers]", "[uniqueness]"))
    (tmp_path / "register.csv").write_text("Geschlecht;Alter\nm;50\nw;60\n")
    asked = ("scan", release, "--preset", brief, "--profile", own, "--out", tmp_path / "out")
    done = auditor(*asked, "--public", tmp_path / "register.csv")
    assert done.exit_code == 1
    told = json.loads((tmp_path / "out" / "audit.json").read_text())
    assert told["profile"]["population_table"]["people"] == 26
    (finding,) = [one for one in told["findings"] if one["check"] == "uniqueness"]
    assert finding["params"]["population"] == 26
    assert {"max_risk", "mean_risk"} <= set(finding["estimates"])
    assert "one_match" in finding["estimates"] or "one_match_people" in finding["params"]
    assert auditor("gate", tmp_path / "out" / "audit.json", "--profile", own).exit_code == 1
    other = auditor("gate", tmp_path / "out" / "audit.json", "--profile", "public")
    assert "another population table" in one_line(other)
    (tmp_path / "names.csv").write_text("name\nx\n")
    refused = auditor(*asked, "--public", tmp_path / "names.csv")
    assert "--public" in one_line(refused)


def test_what_is_shown_and_what_closes_the_gate_are_two_things(finished):
    whole = finished / "audit.json"
    before = whole.read_bytes()
    shown = {
        show: auditor("gate", whole, "--show", show) for show in ("all", "unsettled", "failed")
    }
    assert {done.exit_code for done in shown.values()} == {1}
    lines = {show: done.output.count("\n") for show, done in shown.items()}
    assert lines["all"] >= lines["unsettled"] > lines["failed"]
    assert "not shown" in shown["failed"].output
    assert "not assessed" not in shown["failed"].output
    assert whole.read_bytes() == before


def test_compare_ends_with_1_where_something_is_worse_and_says_what_changed(finished, tmp_path):
    whole = finished / "audit.json"
    same = auditor("compare", whole, whole)
    assert same.exit_code == 0
    assert "No required rule is worse" in same.output
    less = json.loads(whole.read_text())
    less["findings"] = [one for one in less["findings"] if one["check"] != "uniqueness"]
    for one in less["findings"]:
        for estimate in one["estimates"].values():
            if one["id"] == "linkage/template/cross-session":
                estimate |= {"low": 0.0, "value": 0.0, "high": 0.0}
    less["verdict"] = {"outcome": "fail", "exit_status": 1, "rules": []}
    (tmp_path / "less.json").write_text(json.dumps(less))
    worse = auditor("compare", whole, tmp_path / "less.json")
    assert worse.exit_code == 1
    assert "WORSE: uniqueness" in worse.output
    assert "linkage/template/cross-session rank1" in worse.output
    assert "down, better" in worse.output
    assert "Gone findings: 1" in worse.output
    better = auditor("compare", tmp_path / "less.json", whole)
    assert better.exit_code == 1
    assert "WORSE: linkage-named, uniqueness" in better.output
    assert "New findings: 1" in better.output


@pytest.mark.parametrize(
    ("flag", "text", "word"),
    [
        ("--waivers", "- {rule: a, finding: b, owner: c, reason: d}", "no expires"),
        ("--waivers", "- {rule: a, rule: b}", "twice"),
        ("--baseline", "{}", "not an audit"),
        ("--profile", "titel: x", "titel"),
    ],
)
def test_a_wrong_file_for_the_gate_is_one_clear_line(finished, tmp_path, flag, text, word):
    path = tmp_path / "wrong.yaml"
    path.write_text(text)
    line = one_line(auditor("gate", finished / "audit.json", flag, path))
    assert word in line
    assert str(path) in line
    line = one_line(auditor("scan", tmp_path, flag, path, "--out", tmp_path / "out"))
    assert word in line


def test_an_audit_of_a_newer_auditor_is_one_clear_line(finished, tmp_path):
    newer = (finished / "audit.json").read_text().replace("auditor/audit/1", "auditor/audit/2")
    (tmp_path / "newer.json").write_text(newer)
    for command in ("gate", "report", "explain"):
        name = ["linkage", "--audit"] if command == "explain" else []
        assert "newer" in one_line(auditor(command, *name, tmp_path / "newer.json"))


def test_no_command_on_a_finished_audit_waits_for_torch_or_for_pandas(tmp_path):
    assert auditor("bundle", RELEASED, "--out", tmp_path / "evidence.zip").exit_code == 0
    audit = str(RELEASED)
    expected = [
        (["gate", audit], 1),
        (["report", audit, "--out", "page.html"], 0),
        (["report", audit, "--format", "sarif", "--format", "markdown", "--out", "."], 0),
        (["explain"], 0),
        (["explain", "linkage-cross-session", "--audit", audit], 0),
        (["compare", audit, audit], 0),
        (["verify", "evidence.zip"], 0),
    ]
    # One process for all: what is never imported by all of them is imported by none.
    code = (
        "import json, sys\n"
        "from auditor.cli import main\n"
        "ends = []\n"
        "for words in json.loads(sys.argv[1]):\n"
        "    try:\n"
        "        ends.append(main(words, standalone_mode=False) or 0)\n"
        "    except SystemExit as end:\n"
        "        ends.append(end.code)\n"
        "    waited = {'torch', 'pandas'} & sys.modules.keys()\n"
        "    assert not waited, (words, waited)\n"
        "print(ends)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, json.dumps([words for words, _ in expected])],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == str([status for _, status in expected])


def test_inspect_shows_what_identifies_on_the_stewards_own_screen(release):
    done = auditor("inspect", release, "--identifiers")
    assert done.exit_code == 0
    assert re.search(r"identifier   date, header comment: \d+ people, e\.g\. \S", done.output)
    assert "identifier   date" not in auditor("inspect", release).output


def test_inspect_shows_what_would_be_believed_and_starts_a_descriptor(release, tmp_path):
    written = tmp_path / "auditor.yaml"
    shown = auditor("inspect", release, "--write", written)
    assert shown.exit_code == 0
    assert "24" in shown.output
    assert "subject" in written.read_text()


def test_inspect_starts_a_descriptor_with_the_people_whom_the_files_state(tmp_path):
    for number, person in enumerate(("PX-7", "PX-7", "PX-8")):
        writers.scp(tmp_path / f"{number}.scp", writers.counts(), tags={2: person.encode()})
    written = tmp_path / "auditor.yaml"
    assert auditor("inspect", tmp_path, "--write", written).exit_code == 0
    assert "subject:\n  header: id\n" in written.read_text()
    assert "people       2\n" in auditor("inspect", tmp_path).output


def test_recordings_that_are_excluded_are_not_in_the_audit_and_the_page_says_so(
    release, tmp_path, brief
):
    copy = shutil.copytree(release, tmp_path / "copy")
    folder = sorted(one for one in copy.iterdir() if one.is_dir())[0]
    with (copy / "auditor.yaml").open("a") as file:
        file.write(f"excluded: {folder.name}/\n")
    out = tmp_path / "out"
    assert auditor("scan", copy, "--preset", brief, "--out", out).exit_code in (1, 3)
    audit = json.loads((out / "audit.json").read_text())
    assert (audit["release"]["n_subjects"], audit["release"]["n_records"]) == (23, 92)
    assert audit["release"]["files"]["excluded"] == 8
    assert "8 files are not part of the release" in (out / "report.html").read_text()


def test_simulate_writes_what_scan_reads(tmp_path):
    made = auditor("simulate", tmp_path / "h", "--people", 12, "--leads", "I,II", "--wave", "T")
    assert made.exit_code == 0
    shown = auditor("inspect", tmp_path / "h")
    assert shown.exit_code == 0
    assert "12" in shown.output


def test_simulate_keeps_away_from_a_folder_that_holds_something(release):
    refused = auditor("simulate", release)
    assert refused.exit_code == 2
    assert "not empty" in refused.stderr


def test_the_catalogue_lists_what_it_knows():
    shown = auditor("datasets", "list")
    assert shown.exit_code == 0
    assert "ecgiddb" in shown.output


def one_line(result) -> str:
    """The error as the steward sees it: one line, no traceback, status 2."""
    assert result.exit_code == 2, result.output
    assert "Traceback" not in result.stderr
    lines = [line for line in result.stderr.splitlines() if line.startswith("Error")]
    assert len(lines) == 1, result.stderr
    return lines[0]


def test_an_empty_folder_is_one_clear_line(tmp_path):
    (tmp_path / "release").mkdir()
    line = one_line(auditor("scan", tmp_path / "release", "--out", tmp_path / "out"))
    assert "release" in line
    assert not list((tmp_path / "out").iterdir())


def test_a_folder_without_ecg_is_one_clear_line(tmp_path):
    (tmp_path / "notes.txt").write_text("no ECG here")
    assert str(tmp_path) in one_line(auditor("scan", tmp_path, "--out", tmp_path / "out"))


def test_a_folder_that_is_not_there_is_one_clear_line(tmp_path):
    assert "nowhere" in one_line(auditor("scan", tmp_path / "nowhere"))


@pytest.mark.parametrize("outside", ["../../secret.dat", "/etc/passwd"])
def test_a_header_that_points_outside_the_folder_ends_the_scan(release, tmp_path, outside):
    copy = shutil.copytree(release, tmp_path / "copy")
    header = sorted(copy.rglob("*.hea"))[3]
    text = header.read_text()
    header.write_text(re.sub(r"^\S+\.dat", outside, text, flags=re.MULTILINE))
    line = one_line(auditor("scan", copy, "--out", tmp_path / "out"))
    assert header.name in line
    assert "outside" in line


def test_a_truncated_signal_is_counted_and_stops_nothing(release, tmp_path, brief):
    copy = shutil.copytree(release, tmp_path / "copy")
    signal = sorted(copy.rglob("*.dat"))[3]
    signal.write_bytes(signal.read_bytes()[:500])
    out = tmp_path / "out"
    assert auditor("scan", copy, "--preset", brief, "--out", out).exit_code in (1, 3)
    assert json.loads((out / "audit.json").read_text())["release"]["n_quarantined"] == 1


def test_a_folder_of_nothing_but_truncated_signals_is_one_clear_line(release, tmp_path):
    copy = shutil.copytree(release, tmp_path / "copy")
    for signal in copy.rglob("*.dat"):
        signal.write_bytes(signal.read_bytes()[:500])
    line = one_line(auditor("scan", copy, "--out", tmp_path / "out"))
    assert "none of" in line
    assert not (tmp_path / "out" / "audit.json").exists()


@pytest.mark.parametrize(
    "flags",
    [
        ["--profile", "nobody"],
        ["--preset", "hasty"],
        ["--device", "abacus"],
        ["--jobs", "0"],
        ["--jobs", "many"],
        ["--seed", "-1"],
        ["--reader", "crystal ball"],
        ["--subject-pattern", "("],
        ["--no-such-flag"],
    ],
    ids=lambda flags: flags[0],
)
def test_a_wrong_flag_is_one_clear_line(release, tmp_path, flags):
    line = one_line(auditor("scan", release, "--out", tmp_path / "out", *flags))
    assert flags[0].lstrip("-").split("-")[0] in line.lower() or flags[-1] in line


def test_an_output_folder_that_cannot_be_made_is_said_before_the_work(release, tmp_path):
    (tmp_path / "file").write_text("")
    line = one_line(auditor("scan", release, "--out", tmp_path / "file" / "out"))
    assert "--out" in line


def test_an_interrupted_scan_leaves_no_report(release, tmp_path, monkeypatch, brief):
    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("auditor.audit.conclude", interrupt)
    out = tmp_path / "out"
    stopped = auditor("scan", release, "--preset", brief, "--out", out)
    assert stopped.exit_code == 2
    assert "Traceback" not in stopped.stderr
    assert not list(out.iterdir())


def test_a_scan_that_is_interrupted_while_writing_leaves_the_old_report(
    finished, release, tmp_path, monkeypatch, brief
):
    out = shutil.copytree(finished, tmp_path / "out")
    before = {path.name: path.read_bytes() for path in out.iterdir()}

    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("auditor.report.html.write", interrupt)
    assert auditor("scan", release, "--preset", brief, "--out", out).exit_code == 2
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_an_interrupt_while_it_still_loads_is_one_clear_line(tmp_path):
    # A library that is interrupted while it is imported, before any command was read.
    (tmp_path / "click.py").write_text("raise KeyboardInterrupt")
    done = subprocess.run(
        [sys.executable, "-m", "auditor", "demo"],
        env=os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{Path(__file__).parents[1]}"},
        capture_output=True, text=True,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "Interrupted; nothing was written.\n"


def test_the_package_is_the_command_as_well():
    done = subprocess.run(
        [sys.executable, "-m", "auditor", "--version"], capture_output=True, text=True
    )
    assert done.stdout.startswith("auditor, version")


def test_a_full_disk_is_one_clear_line_and_leaves_no_half_report(
    release, tmp_path, monkeypatch, brief
):
    def full(*args, **kwargs):
        raise OSError(28, "No space left on device", "report.html")

    monkeypatch.setattr("auditor.report.html.write", full)
    line = one_line(auditor("scan", release, "--preset", brief, "--out", tmp_path / "out"))
    assert "No space left" in line
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
@pytest.mark.parametrize(
    "asked", [["--help"], ["--version"], ["scan", "--help"], ["completion", "bash"]]
)
def test_what_cannot_be_printed_is_one_clear_line(asked):
    code = f"from auditor.cli import main; main({asked})"
    # Buffered, as output to a file is: what waits fails once more when the interpreter ends.
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-c", code],
            stdout=full, stderr=subprocess.PIPE, text=True, env=buffered,
        )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == "Error: a file: No space left on device\n"


def test_a_file_that_is_no_audit_is_one_clear_line(tmp_path):
    (tmp_path / "audit.json").write_text("{}")
    assert "audit" in one_line(auditor("gate", tmp_path / "audit.json"))


@pytest.mark.slow
def test_nothing_a_scan_says_names_a_person_or_a_record(release, tmp_path):
    done = auditor("scan", release, "--preset", "quick", "--out", tmp_path / "out")
    said = done.output + (tmp_path / "out" / "audit.json").read_text()
    said += (tmp_path / "out" / "report.html").read_text()
    for word in ("p0001", "s1_r1", ".hea", "2001-"):
        assert word not in said


def test_link_finds_the_people_of_one_release_in_another_and_names_them_only_where_asked(
    release, tmp_path
):
    pairs = tmp_path / "pairs.csv"
    found = auditor("link", release, release, "--pairs", pairs)
    assert found.exit_code == 1
    assert "PEOPLE IN BOTH" in found.output
    table = pd.read_csv(pairs, dtype=str)
    assert (table["a"] == table["b"]).mean() > 0.9
    for name in set(table["a"]):
        assert not re.search(rf"\b{re.escape(name)}\b", found.output.partition("A's")[0])


def test_names_that_a_spreadsheet_would_run_are_written_so_that_it_does_not(
    release, tmp_path, monkeypatch
):
    names = pd.DataFrame({"a": ["=1+1", "-7"], "b": ["@x", "p"], "score": [-0.5, 2.0]})
    links = Links(names.assign(claimed=False), 3.0, 100, 0.01, 2, ("I",))
    finding = Finding("cross-release", None, None, "Are they in both?", "measured")
    audit = Audit({}, {}, {}, Verdict("pass", ()), (finding,))

    def link(first, second, settings, told):
        told(links)
        return audit

    monkeypatch.setattr("auditor.audit.link", link)
    done = auditor("link", release, release, "--pairs", tmp_path / "pairs.csv")
    assert done.exit_code == 0, done.output
    lines = (tmp_path / "pairs.csv").read_text().splitlines()
    assert lines[1:] == ["'=1+1,'@x,-0.5,False", "-7,p,2.0,False"]


def test_link_of_strangers_ends_with_0(release, tmp_path):
    other = write_release(tmp_path / "other", identity=1, seed=99, n_subjects=20)
    done = auditor("link", release, other)
    assert done.exit_code == 0
    assert "no more than strangers" in done.output


def test_train_writes_weights_and_says_what_they_were_taught_on(release, tmp_path):
    config = tmp_path / "short.yaml"
    config.write_text("steps: 2\npeople: 8\n")
    out = tmp_path / "mine.safetensors"
    done = auditor("train", "attacker", release, "--out", out, "--config", config)
    assert done.exit_code == 0, done.output
    card = json.loads(out.with_suffix(".json").read_text())
    assert card["taught_on"] == ["simulated"]
    assert card["recipe"]["steps"] == 2
    assert out.stat().st_size < 10_000_000


@pytest.mark.parametrize(
    ("text", "said"), [("steps: many", "steps"), ("stepz: 3", "stepz"), ("[1, 2]", "list")]
)
def test_a_recipe_that_is_none_is_one_clear_line(release, tmp_path, text, said):
    config = tmp_path / "wrong.yaml"
    config.write_text(text)
    command = (
        "train",
        "attacker",
        release,
        "--out",
        tmp_path / "m.safetensors",
        "--config",
        config,
    )
    assert said in one_line(auditor(*command))


def test_features_refuses_to_write_two_tables_to_one_file(release, tmp_path):
    table = tmp_path / "t.parquet"
    assert "two files" in one_line(auditor("features", release, "--out", table, "--beats", table))


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_are_told_how_to_complete(shell):
    said = CliRunner().invoke(main, ["completion", shell])
    assert said.exit_code == 0
    assert "_AUDITOR_COMPLETE" in said.output


def test_what_is_completed_are_commands_and_flags():
    words = {"COMP_WORDS": "auditor sc", "COMP_CWORD": "1", "_AUDITOR_COMPLETE": "bash_complete"}
    said = CliRunner().invoke(main, [], env=words, prog_name="auditor")
    assert "scan" in said.output
    assert "gate" not in said.output


def test_a_commit_is_held_by_the_data_set_it_changes(release, brief, tmp_path, monkeypatch):
    repository = tmp_path / "repository"
    shutil.copytree(release, repository / "ward")
    (repository / "train.py").write_text("print()")
    (repository / "lost.dvc").write_text("outs:\n- path: lost\n")
    monkeypatch.chdir(repository)
    changed = next((repository / "ward").rglob("*.hea")).relative_to(repository)

    def hook(*files: object):
        return auditor("hook", *files, "--preset", brief, "--out", tmp_path / "out")

    assert hook("train.py").exit_code == 0
    assert not (tmp_path / "out").exists()
    held = hook("train.py", changed)
    assert held.exit_code == 1
    assert held.output.startswith("ward:")
    assert (tmp_path / "out" / "report.html").is_file()
    assert "dvc pull" in one_line(hook("lost.dvc"))


def test_a_file_that_is_called_like_a_flag_is_none(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("--help", "--fail-on=fail", "-h"):
        (tmp_path / name).touch()
        assert "after --" in one_line(auditor("hook", "--preset", "quick", name))
        stray = auditor("hook", "--preset", "quick", "--", name)
        assert (stray.exit_code, stray.output.splitlines()) == (
            3,
            [f"{name}: not scanned: it lies in no folder of recordings"],
        )


def test_data_sets_of_one_name_have_reports_of_their_own(release, brief, tmp_path, monkeypatch):
    for place in ("a", "b"):
        shutil.copytree(release, tmp_path / place / "ward")
        (tmp_path / place / "ward" / "auditor.yaml").write_text("reader: wfdb\n")
    monkeypatch.chdir(tmp_path)
    files = [next(Path(place).rglob("*.hea")) for place in ("a", "b")]
    auditor("hook", *files, "--preset", brief, "--out", tmp_path / "out")
    assert len(list((tmp_path / "out").rglob("audit.json"))) == 2

"""The bundle: the same audit makes the same bytes, and no byte of it can be another."""

from __future__ import annotations

import hashlib
import io
import json
import struct
import subprocess
import sys
import zipfile
from dataclasses import replace

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.cli import main
from auditor.core.errors import ConfigError
from auditor.report import bundle, signature
from auditor.report import json as report

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


@pytest.fixture(scope="module")
def small(passing):
    """One finding is enough of an audit to be packed."""
    return replace(passing, findings=passing.findings[:1])


@pytest.fixture(scope="module")
def packed(small) -> bytes:
    return bundle.pack(small)


def parts(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def repacked(files: dict[str, bytes], **entry) -> bytes:
    """Files as a bundle has them, with hashes that fit: what a careful forger would make."""
    manifest = json.loads(files["MANIFEST.json"])
    manifest["sha256"] = {
        name: hashlib.sha256(content).hexdigest()
        for name, content in files.items()
        if name != "MANIFEST.json"
    }
    files = {**files, "MANIFEST.json": (json.dumps(manifest, indent=2) + "\n").encode()}
    return zipped(list(files.items()), **entry)


def zipped(files, compress_type=zipfile.ZIP_STORED, comment=b"", year=1980) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compress_type) as archive:
        archive.comment = comment
        for name, content in files:
            entry = zipfile.ZipInfo(name, date_time=(year, 1, 1, 0, 0, 0))
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            entry.compress_type = compress_type
            archive.writestr(entry, content)
    return buffer.getvalue()


def test_what_is_packed_is_found_sound_and_is_the_audit(packed, small):
    found = bundle.unpack(packed)
    assert report.dumps(found.audit) == report.dumps(small)
    assert found.repacked is True
    files = parts(packed)
    assert tuple(files) == bundle.NAMES
    for name, sha256 in found.sha256.items():
        assert hashlib.sha256(files[name]).hexdigest() == sha256
    assert json.loads(files["settings.json"])["profile"] == dict(small.profile)
    assert json.loads(files["settings.json"])["auditor"]["settings"]["level"] == 0.95
    assert json.loads(files["MANIFEST.json"])["release"]["fingerprint"].startswith("sha256:")
    assert b"--hash=sha256:" in files["requirements.lock"]


def test_the_forger_of_these_tests_forges_well(packed):
    """Unchanged parts come out as the very bundle: what is refused below is what was changed."""
    assert repacked(parts(packed)) == packed


def test_the_same_audit_makes_the_same_bytes_in_another_process(packed, small, tmp_path):
    report.write(small, tmp_path / "audit.json")
    code = (
        "import sys; from auditor.report import bundle, json; "
        "sys.stdout.buffer.write(bundle.pack(json.read(sys.argv[1])))"
    )
    again = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "audit.json"], capture_output=True, check=True
    )
    assert again.stdout == packed


@settings(max_examples=200, deadline=None)
@given(st.floats(0, 1, exclude_max=True), st.integers(1, 255))
def test_no_byte_of_it_can_be_another(packed, at, flip):
    other = bytearray(packed)
    other[int(at * len(other))] ^= flip
    with pytest.raises(ConfigError):
        bundle.unpack(bytes(other))


@settings(max_examples=50, deadline=None)
@given(st.floats(0, 1, exclude_max=True))
def test_it_cannot_be_cut_short(packed, at):
    with pytest.raises(ConfigError):
        bundle.unpack(packed[: int(at * len(packed))])


def changed(name: str, old: bytes, new: bytes):
    def forge(files):
        assert old in files[name]
        return repacked({**files, name: files[name].replace(old, new, 1)})

    return forge


def moved(name: str, to: str):
    return lambda files: repacked({to if one == name else one: c for one, c in files.items()})


def bomb(files) -> bytes:
    """A page of zeros that says it is small."""
    return repacked(
        {**files, "report.html": bytes(200_000_000)}, compress_type=zipfile.ZIP_DEFLATED
    )


def liar(files) -> bytes:
    """A file whose stated size is not the one it has."""
    data = bytearray(zipped(list(files.items())))
    entry = data.rindex(b"PK\x01\x02")
    data[entry + 20 : entry + 28] = struct.pack("<II", 0x7FFFFFFF, 0x7FFFFFFF)
    return bytes(data)


FORGERIES = {
    "another page": (changed("report.html", b"</body>", b"<p>Safe.</p></body>"), "report.html"),
    "other settings": (changed("settings.json", b'"seed": 0', b'"seed": 1'), "settings.json"),
    "another verdict": (
        changed("audit.json", b'"outcome": "pass"', b'"outcome": "fail"'), "not a sound audit"
    ),
    "another number": (changed("audit.json", b'"value": 0.012', b'"value": 0.0'), "report.html"),
    "another release": (changed("MANIFEST.json", b"ecgiddb", b"mitbih!"), "another audit"),
    "no audit at all": (lambda files: repacked({**files, "audit.json": b"{"}), "not JSON"),
    "another lock": (changed("requirements.lock", b"sha256:", b"sha256;"), "requirements.lock"),
    "another schema": (changed("audit.schema.json", b"audit", b"adieu"), "audit.schema.json"),
    "a file without its hash": (
        lambda files: zipped([*{**files, "requirements.lock": b""}.items()]), "it was changed"
    ),
    "a hash without its file": (
        lambda files: zipped([*{**files, "MANIFEST.json": files["MANIFEST.json"].replace(
            b'"sha256": {', b'"sha256": {"run.sh": "0",'
        )}.items()]),
        "does not have",
    ),
    "a manifest that is no object": (
        lambda files: zipped([*{**files, "MANIFEST.json": b"[]"}.items()]), "layout"
    ),
    "a manifest of a later layout": (
        changed("MANIFEST.json", b"auditor/bundle/1", b"auditor/bundle/9"), "layout"
    ),
    "one more file": (lambda files: repacked({**files, "run.sh": b"rm"}), "its files"),
    "one file less": (
        lambda files: repacked({k: v for k, v in files.items() if k != "audit.schema.json"}),
        "its files",
    ),
    "a file twice": (
        lambda files: zipped([*files.items(), ("audit.json", b"{}")]), "its files"
    ),
    "a path out of the folder": (moved("audit.json", "../audit.json"), "its files"),
    "an absolute path": (moved("audit.json", "/etc/audit.json"), "its files"),
    "another order": (
        lambda files: repacked(dict(reversed(list(files.items())))), "its files"
    ),
    "compressed files": (
        lambda files: repacked(files, compress_type=zipfile.ZIP_DEFLATED), "compressed"
    ),
    "a bomb": (bomb, "compressed"),
    "a size that is a lie": (liar, "larger than the bundle"),
    "a comment": (lambda files: repacked(files, comment=b"hidden"), "more than its parts"),
    "another time": (lambda files: repacked(files, year=2026), "more than its parts"),
    "something before it": (lambda files: b"#!/bin/sh\n" + repacked(files), "more than its parts"),
    "nothing": (lambda files: b"", "not a sound zip"),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_bundle_that_was_changed_is_refused_though_its_hashes_fit(packed, forgery):
    forge, told = FORGERIES[forgery]
    with pytest.raises(ConfigError, match=told):
        bundle.unpack(forge(parts(packed)))


def test_the_page_of_another_version_is_not_compared_and_that_is_said(packed, monkeypatch):
    monkeypatch.setattr(bundle, "__version__", "9.9.9")
    found = bundle.unpack(packed)
    assert (found.repacked, found.packed_by) == (False, "0.1.0")


def test_a_file_that_is_too_large_is_not_read(tmp_path, monkeypatch):
    (tmp_path / "large.zip").write_bytes(bytes(2_000))
    monkeypatch.setattr(bundle, "LARGEST", 1_000)
    with pytest.raises(ConfigError, match="no bundle is"):
        bundle.read(tmp_path / "large.zip")


@pytest.fixture
def desk(tmp_path, small):
    """An audit, a steward's keys, and those of somebody else."""
    report.write(small, tmp_path / "audit.json")
    other = Ed25519PrivateKey.from_private_bytes(bytes(32))
    for name, key in (("steward", KEY), ("other", other)):
        (tmp_path / name).write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.OpenSSH,
                serialization.BestAvailableEncryption(b"open sesame"),
            )
        )
        (tmp_path / f"{name}.pub").write_bytes(
            key.public_key().public_bytes(
                serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
            )
        )
    return tmp_path


def auditor(*args: object, said: str | None = None):
    return CliRunner().invoke(main, [str(arg) for arg in args], input=said)


def refused(result) -> str:
    assert result.exit_code == 2, result.output
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("Error")]
    assert "Traceback" not in result.stderr
    return line


def test_a_steward_signs_and_a_recipient_learns_who_and_what(desk):
    out = desk / "evidence.zip"
    made = auditor(
        "bundle", desk / "audit.json", "--out", out, "--key", desk / "steward", said="open sesame\n"
    )
    assert made.exit_code == 0, made.stderr
    name = signature.fingerprint(KEY.public_key())
    assert name in made.output
    for key in ([], ["--key", desk / "steward.pub"]):
        told = auditor("verify", out, *key)
        assert told.exit_code == 0, told.stderr
        assert "ecgiddb" in told.output
        assert "PASS under enclave" in told.output
        assert name in told.output
        assert ("not checked" in told.output) == (not key)


def test_a_recipient_is_told_of_every_doubt_in_one_line(desk):
    out = desk / "evidence.zip"
    signed = desk / "evidence.zip.sig"
    steward = ["--key", desk / "steward.pub"]
    key = ["--key", desk / "steward"]
    auditor("bundle", desk / "audit.json", "--out", out, *key, said="open sesame\n")
    assert "wanted SHA256" in refused(auditor("verify", out, "--key", desk / "other.pub"))
    good = signed.read_text()
    signed.write_text("no signature")
    assert "not a signature" in refused(auditor("verify", out))
    signed.unlink()
    assert "not signed" in refused(auditor("verify", out, *steward))
    assert "none" in auditor("verify", out).output
    signed.write_text(good)
    whole = out.read_bytes()
    out.write_bytes(whole.replace(b"<title>", b"<TITLE>"))
    assert "evidence.zip" in refused(auditor("verify", out, *steward))
    out.write_bytes(whole)
    assert auditor("verify", out, *steward).exit_code == 0


def test_a_bundle_that_is_sound_and_not_the_one_that_was_signed_is_refused(desk, small):
    out = desk / "evidence.zip"
    key = ["--key", desk / "steward"]
    auditor("bundle", desk / "audit.json", "--out", out, *key, said="open sesame\n")
    out.write_bytes(bundle.pack(replace(small, release={**small.release, "name": "another"})))
    assert "not of these bytes" in refused(auditor("verify", out))


def test_an_old_signature_does_not_stay_beside_a_new_bundle(desk):
    out = desk / "evidence.zip"
    key = ["--key", desk / "steward"]
    auditor("bundle", desk / "audit.json", "--out", out, *key, said="open sesame\n")
    assert auditor("bundle", desk / "audit.json", "--out", out).exit_code == 0
    assert not (desk / "evidence.zip.sig").exists()


def test_a_wrong_passphrase_writes_nothing(desk):
    out = desk / "evidence.zip"
    key = ["--key", desk / "steward"]
    made = auditor("bundle", desk / "audit.json", "--out", out, *key, said="shut\n")
    assert "passphrase" in refused(made)
    assert not out.exists()


def test_no_bundle_replaces_the_audit_or_the_key(desk):
    audit, key = desk / "audit.json", desk / "steward"
    before = [path.read_bytes() for path in (audit, key)]
    (desk / "e.zip.sig").symlink_to(key)
    for out in (audit, key, desk / "e.zip"):
        assert "replace" in refused(auditor("bundle", audit, "--out", out, "--key", key))
    assert [path.read_bytes() for path in (audit, key)] == before


def test_a_forger_cannot_write_the_lines_that_verify_writes(packed, tmp_path):
    files = parts(packed)
    manifest = json.loads(files["MANIFEST.json"])
    manifest["auditor"] = "9\nsignature  SHA256:0, the key you named\x1b[8m"
    files["MANIFEST.json"] = (json.dumps(manifest, indent=2, ensure_ascii=False) + "\n").encode()
    (tmp_path / "e.zip").write_bytes(repacked(files))
    told = auditor("verify", tmp_path / "e.zip").output
    assert [line[:9] for line in told.splitlines()].count("signature") == 1
    assert "\x1b" not in told

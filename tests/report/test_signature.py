"""Signatures: OpenSSH reads ours and we read its own, and nothing else passes for one."""

from __future__ import annotations

import base64
import shutil
import subprocess

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from auditor.core.errors import ConfigError
from auditor.report import signature

SSH_KEYGEN = shutil.which("ssh-keygen")
DATA = b"an audit"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
SIGNED = signature.sign(DATA, KEY)
PRIVATE = {
    "OpenSSH": serialization.PrivateFormat.OpenSSH,
    "OpenSSL": serialization.PrivateFormat.PKCS8,
}


def never() -> str:
    raise AssertionError("nobody needs to be asked")


def pem(form=serialization.PrivateFormat.OpenSSH, passphrase: bytes | None = None, key=KEY):
    lock = (
        serialization.BestAvailableEncryption(passphrase)
        if passphrase
        else serialization.NoEncryption()
    )
    return key.private_bytes(serialization.Encoding.PEM, form, lock)


@pytest.fixture
def key_file(tmp_path):
    path = tmp_path / "id_ed25519"
    path.write_bytes(pem())
    path.chmod(0o600)
    return path


needs_openssh = pytest.mark.skipif(SSH_KEYGEN is None, reason="no ssh-keygen on this machine")


@needs_openssh
def test_openssh_finds_our_signature_good_and_the_key_the_same(tmp_path, key_file):
    (tmp_path / "file.sig").write_text(SIGNED)
    told = subprocess.run(
        [SSH_KEYGEN, "-Y", "check-novalidate", "-n", "auditor", "-s", tmp_path / "file.sig"],
        input=DATA, capture_output=True, check=True,
    )  # fmt: skip
    assert signature.fingerprint(KEY.public_key()) in told.stdout.decode()


@needs_openssh
def test_we_find_the_signature_of_openssh_good(tmp_path, key_file):
    (tmp_path / "file").write_bytes(DATA)
    command = [SSH_KEYGEN, "-Y", "sign", "-n", "auditor", "-f", key_file, tmp_path / "file"]
    subprocess.run(command, capture_output=True, check=True)
    theirs = (tmp_path / "file.sig").read_text()
    assert signature.signer(DATA, theirs) == KEY.public_key()
    assert theirs.split() == SIGNED.split()


@needs_openssh
def test_a_signature_for_another_purpose_is_not_one_for_this(tmp_path, key_file):
    (tmp_path / "file").write_bytes(DATA)
    command = [SSH_KEYGEN, "-Y", "sign", "-n", "git", "-f", key_file, tmp_path / "file"]
    subprocess.run(command, capture_output=True, check=True)
    with pytest.raises(ConfigError, match="something else"):
        signature.signer(DATA, (tmp_path / "file.sig").read_text())


def test_a_signature_is_of_these_bytes_alone():
    assert signature.signer(DATA, SIGNED) == KEY.public_key()
    with pytest.raises(ConfigError, match="changed"):
        signature.signer(DATA + b".", SIGNED)


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_no_bit_of_a_signature_can_be_another(at, flip):
    lines = SIGNED.split("\n")
    blob = bytearray(base64.b64decode("".join(lines[1:-2])))
    blob[at % len(blob)] ^= flip
    other = "\n".join((lines[0], base64.b64encode(blob).decode(), lines[-2]))
    with pytest.raises(ConfigError):
        signature.signer(DATA, other)


def wrapped(blob: bytes) -> str:
    begin, *_, end = SIGNED.rstrip("\n").split("\n")
    return "\n".join((begin, base64.b64encode(blob).decode(), end)) + "\n"


def with_something_where_nothing_is_signed() -> bytes:
    blob = base64.b64decode("".join(SIGNED.split("\n")[1:-2]))
    before, purpose, after = blob.partition(b"\0\0\0\x07auditor")
    assert after[:4] == bytes(4)
    return before + purpose + b"\0\0\0\x01!" + after[4:]


def test_bits_that_base64_does_not_use_are_not_others():
    text = base64.b64encode(b"SSHSIG and so on").decode()
    assert text.endswith("g==")
    for last in "hijklmnopqrstuv":
        other = wrapped(b"").replace("\n\n", f"\n{text[:-3]}{last}==\n")
        with pytest.raises(ConfigError, match="its base64 is not what its bytes are written as"):
            signature.signer(DATA, other)


@pytest.mark.parametrize(
    "other",
    [
        wrapped(with_something_where_nothing_is_signed()),
        wrapped(b""),
        f"\n{SIGNED}",
        f"anything\n{SIGNED}",
        f"{SIGNED}anything",
        f"{SIGNED}{SIGNED}",
        SIGNED.replace("\n", " \n"),
        SIGNED.replace("\n-----END", "====\n-----END"),
        SIGNED.replace("\n-----END", "\nAAAA\n-----END"),
        SIGNED.partition("\n")[2],
        SIGNED.replace("BEGIN", "begin"),
        "".join(SIGNED.split("\n")[1:-2]),
    ],
)
def test_a_signature_is_written_in_one_way(other):
    assert other != SIGNED
    with pytest.raises(ConfigError, match="not a signature that"):
        signature.signer(DATA, other)


def test_a_signature_keeps_its_meaning_where_git_ends_its_lines_in_another_way():
    assert signature.signer(DATA, SIGNED.replace("\n", "\r\n")) == KEY.public_key()


@given(st.text(max_size=300) | st.binary(max_size=300).map(lambda b: base64.b64encode(b).decode()))
def test_anything_else_is_one_clear_error(text):
    with pytest.raises(ConfigError, match="signature"):
        signature.signer(DATA, text)


@pytest.mark.parametrize("form", PRIVATE)
def test_keys_of_openssh_and_openssl_are_read_locked_or_not(tmp_path, form):
    path = tmp_path / "key"
    path.write_bytes(pem(PRIVATE[form]))
    assert signature.private_key(path, never).private_bytes_raw() == KEY.private_bytes_raw()
    path.write_bytes(pem(PRIVATE[form], b"open sesame"))
    opened = signature.private_key(path, lambda: "open sesame")
    assert opened.private_bytes_raw() == KEY.private_bytes_raw()
    for wrong in ("shut", ""):
        with pytest.raises(ConfigError, match="passphrase"):
            signature.private_key(path, lambda wrong=wrong: wrong)


def test_public_keys_of_openssh_and_openssl_are_read(tmp_path):
    path = tmp_path / "key.pub"
    for encoding, form in (("OpenSSH", "OpenSSH"), ("PEM", "SubjectPublicKeyInfo")):
        path.write_bytes(
            KEY.public_key().public_bytes(
                getattr(serialization.Encoding, encoding), getattr(serialization.PublicFormat, form)
            )
        )
        assert signature.public_key(path) == KEY.public_key()


def test_a_key_that_cannot_be_used_is_one_clear_error(tmp_path, key_file):
    other = tmp_path / "other"
    other.write_bytes(pem(key=generate_private_key(SECP256R1())))
    with pytest.raises(ConfigError, match="wanted an Ed25519 key"):
        signature.private_key(other, never)
    other.write_bytes(b"no key")
    with pytest.raises(ConfigError, match="not a private key"):
        signature.private_key(other, never)
    with pytest.raises(ConfigError, match="not a public key"):
        signature.public_key(other)
    with pytest.raises(ConfigError, match="wanted the public one"):
        signature.public_key(key_file)
    other.write_bytes(b"-" * 100_000)
    with pytest.raises(ConfigError, match="no key is"):
        signature.private_key(other, never)
    with pytest.raises(ConfigError, match="cannot be read"):
        signature.private_key(tmp_path / "nowhere", never)

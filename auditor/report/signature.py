"""Signatures that OpenSSH makes and checks too: Ed25519, in the form of `ssh-keygen -Y sign`.

A steward has an SSH key, or makes one with `ssh-keygen -t ed25519`, and whoever receives a signed
file needs nothing of ours to check it:

    ssh-keygen -Y check-novalidate -n auditor -s FILE.sig < FILE

The form is that of OpenSSH's PROTOCOL.sshsig: what is signed names its purpose, so a signature
given for this cannot pass for one given for anything else.
"""

from __future__ import annotations

import base64
import hashlib
import textwrap
from collections.abc import Callable
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from auditor.core.errors import ConfigError

#: What a signature is given for.
PURPOSE = "auditor"

_MAGIC = b"SSHSIG"
_KIND = b"ssh-ed25519"
_HASH = "sha512"
_BEGIN, _END = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"
_LONGEST = 2**16
_CURE = "make one with `ssh-keygen -t ed25519`"


def sign(data: bytes, key: Ed25519PrivateKey) -> str:
    """A detached signature of some bytes."""
    public = _blob(key.public_key())
    signed = _string(_KIND) + _string(key.sign(_signed(data)))
    blob = (
        _MAGIC + (1).to_bytes(4, "big") + _string(public) + _string(PURPOSE.encode()) + _string(b"")
    )
    blob += _string(_HASH.encode()) + _string(signed)
    lines = textwrap.wrap(base64.b64encode(blob).decode(), 70)
    return "\n".join((_BEGIN, *lines, _END)) + "\n"


def signer(data: bytes, signature: str) -> Ed25519PublicKey:
    """Whose signature of these bytes it is.

    Raises
    ------
    ConfigError
        It is no signature, or not one of these bytes, or given for another purpose.
    """
    try:
        rest = _unwrapped(signature)
        if rest[:10] != _MAGIC + (1).to_bytes(4, "big"):
            raise ValueError("it does not begin as one")
        public, purpose, reserved, hashed, signed = _strings(rest[10:], 5)
        kind, raw = _strings(public, 2)
        signed_kind, value = _strings(signed, 2)
        if (kind, signed_kind) != (_KIND, _KIND) or hashed != _HASH.encode():
            raise ValueError("it is not an Ed25519 signature of a SHA-512 hash")
        if reserved:  # it is not signed, and anybody could write there
            raise ValueError("what nobody has a use for is used")
        key = Ed25519PublicKey.from_public_bytes(raw)
    except ValueError as error:
        raise ConfigError(f"not a signature that `auditor bundle` wrote: {error}") from None
    if purpose != PURPOSE.encode():
        raise ConfigError("the signature was given for something else than an audit")
    try:
        key.verify(value, _signed(data))
    except InvalidSignature:
        raise ConfigError("the signature is not of these bytes: they were changed") from None
    return key


def _unwrapped(signature: str) -> bytes:
    """What stands between the first line and the last, in the one way that base64 writes it: but
    for its line breaks nothing of the file can be another.
    """
    lines = signature.replace("\r\n", "\n").rstrip("\n").split("\n")
    if len(lines) < 3 or (lines[0], lines[-1]) != (_BEGIN, _END):
        raise ValueError(f"it does not stand between {_BEGIN} and {_END}")
    text = "".join(lines[1:-1])
    blob = base64.b64decode(text, validate=True)
    if base64.b64encode(blob).decode() != text:
        raise ValueError("its base64 is not what its bytes are written as")
    return blob


def fingerprint(key: Ed25519PublicKey) -> str:
    """A key's name, as `ssh-keygen -l` writes it."""
    digest = base64.b64encode(hashlib.sha256(_blob(key)).digest()).decode().rstrip("=")
    return f"SHA256:{digest}"


def private_key(path: Path, passphrase: Callable[[], str]) -> Ed25519PrivateKey:
    """The Ed25519 key in a file, as OpenSSH or OpenSSL writes it.

    Parameters
    ----------
    passphrase : asked only where the key is locked

    Raises
    ------
    ConfigError
        The file is no such key, or the passphrase is wrong.
    """
    text = _read(path)
    load = (
        serialization.load_ssh_private_key
        if b"BEGIN OPENSSH" in text
        else serialization.load_pem_private_key
    )
    try:
        try:
            key = load(text, None)
        except TypeError:
            # It is locked.
            key = load(text, passphrase().encode())
    except (TypeError, ValueError, UnsupportedAlgorithm):
        raise ConfigError(
            f"{path}: not a private key that can be read, or not its passphrase; {_CURE}"
        ) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigError(f"{path}: {_kind(key)}, wanted an Ed25519 key; {_CURE}")
    return key


def public_key(path: Path) -> Ed25519PublicKey:
    """The public Ed25519 key in a file: a line of OpenSSH's, or PEM.

    Raises
    ------
    ConfigError
        The file is no such key.
    """
    text = _read(path)
    if b"PRIVATE KEY" in text:
        raise ConfigError(f"{path}: a private key, wanted the public one, such as {path}.pub")
    pem = text.lstrip().startswith(b"-----")
    try:
        key = (
            serialization.load_pem_public_key(text)
            if pem
            else serialization.load_ssh_public_key(text.strip())
        )
    except (ValueError, UnsupportedAlgorithm):
        raise ConfigError(f"{path}: not a public key that can be read; {_CURE}") from None
    if not isinstance(key, Ed25519PublicKey):
        raise ConfigError(f"{path}: {_kind(key)}, wanted an Ed25519 key; {_CURE}")
    return key


def _kind(key: object) -> str:
    return f"a key of kind {type(key).__name__.strip('_').removesuffix('Key')}"


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            text = file.read(_LONGEST + 1)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None
    if len(text) > _LONGEST:
        raise ConfigError(f"{path}: larger than {_LONGEST} bytes; no key is")
    return text


def _signed(data: bytes) -> bytes:
    hashed = hashlib.sha512(data).digest()
    return _MAGIC + b"".join(map(_string, (PURPOSE.encode(), b"", _HASH.encode(), hashed)))


def _blob(key: Ed25519PublicKey) -> bytes:
    return _string(_KIND) + _string(key.public_bytes_raw())


def _string(value: bytes) -> bytes:
    return len(value).to_bytes(4, "big") + value


def _strings(data: bytes, wanted: int) -> list[bytes]:
    """That many length-prefixed strings, and nothing after them."""
    found = []
    for _ in range(wanted):
        length = int.from_bytes(data[:4], "big")
        if len(data) < 4 + length:
            raise ValueError("it is cut short")
        found.append(data[4 : 4 + length])
        data = data[4 + length :]
    if data:
        raise ValueError("something follows it")
    return found

"""Commands on an audit as evidence: packed and signed, and checked by whoever receives it."""

from __future__ import annotations

from pathlib import Path

import click

from auditor.cli.flags import FILE, writable
from auditor.core.errors import ConfigError


@click.command()
@click.argument("audit", type=FILE)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="The bundle, a .zip file.",
)
@click.option("--key", type=FILE, help="A private Ed25519 key, as ssh-keygen makes one.")
def bundle(audit: Path, out: Path, key: Path | None) -> None:
    """Pack a finished AUDIT (an audit.json) as evidence: with its page, settings, lock and hashes.

    With --key the bundle is signed, and the signature stands beside it as OUT.sig;
    `ssh-keygen -Y check-novalidate -n auditor` reads it too. The same audit makes the same bundle.

    \b
    auditor bundle report/audit.json --out evidence.zip
    auditor bundle report/audit.json --out evidence.zip --key ~/.ssh/id_ed25519
    """
    from auditor.core import files
    from auditor.report import json, signature
    from auditor.report.bundle import pack

    signed = out.with_name(f"{out.name}.sig")
    if {audit.resolve(), key and key.resolve()} & {out.resolve(), signed.resolve()}:
        raise ConfigError(f"{out}: it or its signature would replace the audit or the key; name "
                          "another file with --out")  # fmt: skip
    writable(out.parent)
    private = key and signature.private_key(
        key, lambda: click.prompt(f"Passphrase of {key}", hide_input=True, err=True)
    )
    packed = pack(json.read(audit))
    # A signature of what stood here before is of nothing now.
    signed.unlink(missing_ok=True)
    files.replace(out, packed)
    click.echo(out)
    if private:
        files.replace(signed, signature.sign(packed, private))
        click.echo(f"{signed}: signed with {signature.fingerprint(private.public_key())}")


@click.command()
@click.argument("bundle", type=FILE)
@click.option("--key", type=FILE, help="The public key of who should have signed it.")
def verify(bundle: Path, key: Path | None) -> None:
    """Check a BUNDLE that `auditor bundle` packed: every hash, the page, the signature beside it.

    Anything that was changed ends with exit status 2. Without --key a signature shows that nothing
    was changed since it was given, and names the key that gave it, which anybody may own.

    \b
    auditor verify evidence.zip
    auditor verify evidence.zip --key steward.pub
    """
    from auditor.report import signature
    from auditor.report.bundle import read, unpack

    public = key and signature.public_key(key)
    data = read(bundle)
    beside = bundle.with_name(f"{bundle.name}.sig")
    try:
        found = unpack(data)
        signer = _signer(data, beside)
    except ConfigError as error:
        raise ConfigError(f"{bundle}: {error}") from None
    if public and signer is None:
        raise ConfigError(f"{bundle}: not signed; {beside.name} should stand beside it")
    if public and signer != (wanted := signature.fingerprint(public)):
        raise ConfigError(f"{bundle}: signed with {signer}, wanted {wanted}")
    release, verdict = found.audit.release, found.audit.verdict
    click.echo(f"release    {release['name']}, {release['n_subjects']:,} people")
    click.echo(f"           {release['fingerprint'] or 'without a fingerprint'}")
    click.echo(f"verdict    {verdict.outcome.upper()} under {found.audit.profile['name']}")
    click.echo(f"measured   auditor {found.audit.auditor['version']}")
    click.echo(f"files      {len(found.sha256)}, each as MANIFEST.json names it")
    again = "again here, and the same" if found.repacked else "not again here: other versions"
    click.echo(f"packed     by auditor {found.packed_by}; {again}")
    click.echo(f"signature  {_signed(signer, bool(key))}")


def _signer(data: bytes, beside: Path) -> str | None:
    """The name of the key that signed some bytes; None where nobody did."""
    from auditor.report import signature
    from auditor.report.bundle import read

    if not beside.exists():
        return None
    key = signature.signer(data, read(beside).decode("ascii", "replace"))
    return signature.fingerprint(key)


def _signed(fingerprint: str | None, trusted: bool) -> str:
    if fingerprint is None:
        return "none: whoever holds the file could have packed it"
    whose = (
        "the key you named" if trusted else "whose key that is was not checked; name it by --key"
    )
    return f"{fingerprint}, {whose}"

"""Commands on a finished audit: its audit.json is all they read."""

from __future__ import annotations

from pathlib import Path

import click

from auditor.cli.flags import FILE, writable
from auditor.core.errors import ConfigError
from auditor.report.formats import FORMATS


@click.command()
@click.argument("audit", type=FILE)
@click.option("--profile", default="public", show_default=True, help="A profile or a YAML file.")
def gate(audit: Path, profile: str) -> None:
    """Judge a finished AUDIT (an audit.json) under a profile, and exit with its status.

    \b
    auditor gate report/audit.json --profile registered
    """
    from auditor.config import load_profile
    from auditor.report import json
    from auditor.risk.policy import judge

    verdict = judge(json.read(audit).findings, load_profile(profile))
    for rule in verdict.rules:
        note = "" if rule.required else " (not required)"
        click.echo(f"{rule.outcome:13} {rule.id}{note}: {rule.reason}")
    click.echo(f"\n{profile}: {verdict.outcome.upper()}")
    raise SystemExit(verdict.exit_status)


@click.command()
@click.argument("audit", type=FILE)
@click.option(
    "--format",
    "formats",
    type=click.Choice(list(FORMATS)),
    multiple=True,
    default=("html",),
    show_default=True,
    help="What to draw; may be given again.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="A folder, or for one format a file. Default: beside AUDIT.",
)
def report(audit: Path, formats: tuple[str, ...], out: Path | None) -> None:
    """Draw a finished AUDIT (an audit.json) again: for people, and for machines.

    html is the page; sarif and junit are for CI, and hold every rule; markdown is for the summary
    of a job; csv holds every estimate; croissant and huggingface are what a data set's own
    description should say of it.

    \b
    auditor report report/audit.json --out page.html
    auditor report report/audit.json --format sarif --format junit
    auditor report report/audit.json --format markdown --out summary.md
    """
    from auditor.report import atomic, json

    formats = tuple(dict.fromkeys(formats))
    to_file = out and len(formats) == 1 and (out.is_file() or out.suffix) and not out.is_dir()
    folder = out.parent if out and to_file else out or audit.parent
    paths = [out if out and to_file else folder / FORMATS[name].file for name in formats]
    if audit.resolve() in (path.resolve() for path in paths):
        raise ConfigError(f"{audit}: is the audit itself; name another file with --out")
    writable(folder)
    finished = json.read(audit)
    for name, path in zip(formats, paths, strict=True):
        atomic.replace(path, FORMATS[name].render(finished))
        click.echo(path)


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
    from auditor.report import atomic, json, signature
    from auditor.report.bundle import pack

    writable(out.parent)
    private = key and signature.private_key(
        key, lambda: click.prompt(f"Passphrase of {key}", hide_input=True, err=True)
    )
    packed = pack(json.read(audit))
    signed = out.with_name(f"{out.name}.sig")
    # A signature of what stood here before is of nothing now.
    signed.unlink(missing_ok=True)
    atomic.replace(out, packed)
    click.echo(out)
    if private:
        atomic.replace(signed, signature.sign(packed, private))
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

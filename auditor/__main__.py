"""The command `auditor`, which is `python -m auditor` as well."""

from __future__ import annotations

import sys


def main() -> None:
    """Run it; one line and status 2 where it is interrupted while it still loads."""
    try:
        from auditor.cli import main as command
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted; nothing was written.\n")
        sys.exit(2)
    command()


if __name__ == "__main__":
    main()

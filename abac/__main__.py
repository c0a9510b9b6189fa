"""Floor 6, cli: `python -m abac`."""

from abac.cli.main import main

main()

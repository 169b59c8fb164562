"""`python -m goldleaf` is `goldleaf`."""

from goldleaf.cli.app import main

main()

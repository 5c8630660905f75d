"""`python -m metahub`."""

from metahub.cli import main

main()

"""`python -m barrio`."""

from barrio.cli import main

main()

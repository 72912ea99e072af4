"""`python -m vidgan` is the same program as `vidgan`."""

from vidgan.cli import main

main()

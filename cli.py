"""The program from a checkout: `python cli.py …` is `vidgan …`."""

from vidgan.cli import main

if __name__ == "__main__":
    main()

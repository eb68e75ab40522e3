"""`python -m operations`: the command line, where `trian` is not installed."""

from operations.cli import main

if __name__ == "__main__":
    main()

"""`python -m ascua`: the command line."""

from ascua.cli import main

if __name__ == "__main__":
    main()

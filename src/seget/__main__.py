"""`python -m seget`: the command where its script is not on the path.

command line -> exit code
"""

from seget.cli import main

if __name__ == "__main__":
    main()

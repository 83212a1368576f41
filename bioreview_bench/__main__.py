"""`python -m bioreview_bench` is `bench`."""

from bioreview_bench.cli import main

if __name__ == "__main__":
    main()

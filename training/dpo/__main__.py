"""`accelerate launch -m bioreview_bench.training.dpo CONFIG ...`: `bench train dpo` in each of its processes."""

import sys

from bioreview_bench.cli.main import run

sys.exit(run(["train", "dpo", *sys.argv[1:]]))

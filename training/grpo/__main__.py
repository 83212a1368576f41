"""`accelerate launch -m bioreview_bench.training.grpo CONFIG ...`: `bench train grpo` in each of its processes."""

import sys

from bioreview_bench.cli.main import run

sys.exit(run(["train", "grpo", *sys.argv[1:]]))

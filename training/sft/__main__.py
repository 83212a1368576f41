"""`accelerate launch -m bioreview_bench.training.sft CONFIG ...`: `bench train sft` in each of its processes."""

import sys

from bioreview_bench.cli.main import run

sys.exit(run(["train", "sft", *sys.argv[1:]]))

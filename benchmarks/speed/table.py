"""Every figure of docs/performance.md, part by part, as Markdown tables with a ratio or limit beside each.

    python benchmarks/speed/table.py                      every part but `device`, each in a process of its own
    python benchmarks/speed/table.py encode scoring       some parts
    python benchmarks/speed/table.py --quick              small sizes: does it run, not how fast
    python benchmarks/speed/table.py device --device cuda --dtype bf16

Run it on an idle machine. Where a ratio is given, its two sides took turns in the same run.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable

from timing import Row, machine, show


def _parts(given: argparse.Namespace) -> dict[str, tuple[str, Callable[[], list[Row]]]]:
    import commands
    import encoding
    import scaling

    quick = given.quick
    return {
        "encode": ("Encoding with MiniLM", lambda: encoding.encode(quick)),
        "adapter": ("Encoding with an adapter", lambda: encoding.adapter(quick)),
        "evaluate": ("bench evaluate", lambda: commands.evaluate(quick)),
        "unchanged": ("bench evaluate, vectors cached", lambda: commands.unchanged(quick)),
        "scoring": ("Scoring, vectors cached", lambda: scaling.scoring(quick)),
        "articles": ("Scoring by articles, vectors at hand", lambda: scaling.curve_articles(quick)),
        "concerns": ("Scoring by concerns, vectors at hand", lambda: scaling.curve_concerns(quick)),
        "validate": ("bench validate", lambda: commands.validate(quick)),
        "report": ("bench report", lambda: commands.report(quick)),
        "startup": ("Start-up", lambda: commands.startup(quick)),
        "device": ("SPECTER2's shape, random weights", lambda: encoding.device(quick, given.device, given.dtype)),
    }


def main() -> None:
    """Run the parts that were named, else all of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--device", default="cuda", help="for the part `device`")
    parser.add_argument("--dtype", default="bf16", choices=["fp32", "bf16", "fp16"])
    given = parser.parse_args()
    parts = _parts(given)
    unknown = set(given.parts) - set(parts)
    if unknown:
        parser.error(f"no part {', '.join(sorted(unknown))}; there are {', '.join(parts)}")
    if len(given.parts) == 1:
        title, run = parts[given.parts[0]]
        show(title, run())
        return
    show("Machine", machine())
    options = [*(["--quick"] if given.quick else []), "--device", given.device, "--dtype", given.dtype]
    # A process for each part, so that none inherits another's memory or threads.
    for name in given.parts or [name for name in parts if name != "device"]:
        subprocess.run([sys.executable, __file__, name, *options], check=True)


if __name__ == "__main__":
    main()

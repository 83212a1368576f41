"""`bench data`: get, check, divide and release articles. A command's module is imported when the command is wanted."""

from __future__ import annotations

import click

from bioreview_bench.cli.lazy import LazyGroup

_HERE = "bioreview_bench.cli.data."

# In the order in which they are used: get, look, check, divide, release; then make new articles.
_COMMANDS: dict[str, tuple[str, str]] = {
    "download": (f"{_HERE}download:download", "Download a release, the public index, any data set."),
    "verify": (f"{_HERE}verify:verify", "Verify released data against their manifest."),
    "info": (f"{_HERE}info:info", "Describe a data set: articles, references, fingerprints."),
    "stats": (f"{_HERE}stats:stats", "Count what a data set consists of; human against human."),
    "lint": (f"{_HERE}lint:lint", "Check articles, rule by rule and line by line."),
    "audit": (f"{_HERE}audit:audit", "The same as bench audit: leaks, repetitions, labels, dates."),
    "split": (f"{_HERE}split:split", "Divide articles into train, val and test; no family in two."),
    "export": (f"{_HERE}release:export", "Write a release: Parquet, card, checksums, metadata."),
    "public": (f"{_HERE}release:public", "Write ids and labels without texts, for anybody."),
    "push": (f"{_HERE}release:push", "Upload a release to the Hub."),
    "import": (f"{_HERE}import_:import_", "Bring another data set of peer review into our form."),
    "collect": (f"{_HERE}collect:collect", "Get newly published articles with their reviews."),
    "parse": (f"{_HERE}parse:parse", "Read the XML of publishers into articles."),
    "extract": (f"{_HERE}extract:extract", "Find the concerns in letters."),
    "annotate": (f"{_HERE}annotate:annotate", "Let two people check concerns and judge pairs."),
}


@click.group(cls=LazyGroup, table=_COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
def data() -> None:
    """Get, check, divide and release articles; make new ones from reviews.

    \b
    Examples:
      bench data lint my/folder
      bench data import folder my/papers -o mine --split-reviews
      bench data split mine -o fresh --ratio .7,.15,.15
      bench data info --data demo
    """

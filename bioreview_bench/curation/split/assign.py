"""Which family goes into which split: a pure function of families, strata, wishes and a seed.

The order in which families are drawn is that of sha256(seed, smallest id): it depends neither on the order of the
input nor on the version of a random generator.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from bioreview_bench.errors import InputError

TRAIN, VAL, TEST = "train", "val", "test"


@dataclass(frozen=True)
class ManuscriptFamily:
    """Articles that stay together.

    Ids in order, number of articles by source, stratum, and whether they may be tested on.
    """

    ids: tuple[str, ...]
    by_source: Mapping[str, int] = field(hash=False)
    stratum: tuple[str, ...]
    testable: bool = True

    @property
    def size(self) -> int:
        """Number of articles."""
        return len(self.ids)


def drawn(families: Iterable[ManuscriptFamily], seed: int) -> list[ManuscriptFamily]:
    """The families in the order in which the seed draws them."""
    return sorted(families, key=lambda f: (hashlib.sha256(f"{seed}:{min(f.ids)}".encode()).digest(), f.ids))


def take_counts(families: Sequence[ManuscriptFamily], wanted: Mapping[str, int], seed: int) -> set[ManuscriptFamily]:
    """Families that together have exactly `wanted[source]` articles of each source, spread over strata in proportion.

    Raises InputError, for all sources at once, where there are too few articles or none of the ways to add up fits.
    """
    candidates = [f for f in drawn(families, seed) if f.testable and wanted.keys() >= f.by_source.keys()]
    left = dict(wanted)
    taken: set[ManuscriptFamily] = set()
    for family in _spread(candidates, wanted):
        if all(count <= left[source] for source, count in family.by_source.items()):
            taken.add(family)
            for source, count in family.by_source.items():
                left[source] -= count
    short = {source: missing for source, missing in left.items() if missing}
    if short:
        listed = "; ".join(
            f"{source} has {wanted[source] - missing} of {wanted[source]}" for source, missing in short.items()
        )
        possible = [f"{source}={n}" for source in wanted if (n := wanted[source] - left[source])]
        known = sorted({source for family in families for source in family.by_source})
        raise InputError(
            f"The test split cannot be filled: {listed} articles that may be tested on, in families that fit whole.",
            remedy=f"ask for fewer: --test {','.join(possible)}"
            if possible
            else f"name sources that there are ({', '.join(known[:10])}), or an earlier day with --after",
        )
    return taken


def take_shares(
    families: Sequence[ManuscriptFamily], shares: Mapping[str, float], seed: int
) -> dict[ManuscriptFamily, str]:
    """Every family with a split, so that each split has about its share of the articles of every stratum.

    Per stratum the families, largest first and then as drawn, go to the split that is furthest below its share; what
    a stratum gives too much is made up for in the next. A family that may not be tested on never goes to test. A split
    with a share is never empty: where too few articles leave it so, it gets the smallest family that the others can
    spare. Raises InputError when test has a share and no family may be tested on.
    """
    strata: dict[tuple[str, ...], list[ManuscriptFamily]] = defaultdict(list)
    for family in drawn(families, seed):
        strata[family.stratum].append(family)
    missing = dict.fromkeys(shares, 0.0)
    found: dict[ManuscriptFamily, str] = {}
    for stratum in sorted(strata):
        members = strata[stratum]
        total = sum(family.size for family in members)
        missing = {name: missing[name] + share * total for name, share in shares.items()}
        for family in sorted(members, key=lambda family: -family.size):  # stable: as drawn within a size
            open_to = [name for name in shares if shares[name] > 0 and (family.testable or name != TEST)]
            if not open_to:
                raise InputError(
                    f"{family.ids[0]} may not be tested on, and there is no other split.",
                    remedy="give train or val a share",
                )
            name = max(open_to, key=lambda name: missing[name])
            found[family] = name
            missing[name] -= family.size
    for name in (TEST, VAL, TRAIN):
        if shares.get(name, 0) > 0 and name not in found.values():
            spared = _spared(found, name)
            found |= {spared: name} if spared else {}
    if shares.get(TEST, 0) > 0 and not any(family.testable for family in families):
        raise InputError(
            f"No article may be tested on: none of {sum(family.size for family in families):,} appeared after the day.",
            remedy="name an earlier day with --after, or give test no share",
        )
    return found


def _spared(placed: Mapping[ManuscriptFamily, str], wanted: str) -> ManuscriptFamily | None:
    """The smallest family of the largest split that may go to the empty split `wanted` and leaves none empty."""
    size: dict[str, int] = defaultdict(int)
    for family, name in placed.items():
        size[name] += family.size
    families = Counter(placed.values())
    able = [family for family, name in placed.items() if families[name] > 1 and (family.testable or wanted != TEST)]
    return min(able, key=lambda family: (-size[placed[family]], family.size), default=None)


def _spread(candidates: Sequence[ManuscriptFamily], wanted: Mapping[str, int]) -> list[ManuscriptFamily]:
    """The candidates so ordered that every prefix has about the mixture of strata of the whole."""
    size: dict[tuple[str, ...], int] = defaultdict(int)
    for family in candidates:
        size[family.stratum] += family.size
    seen: dict[tuple[str, ...], int] = defaultdict(int)
    keyed = []
    for position, family in enumerate(candidates):
        keyed.append(((seen[family.stratum] + family.size / 2) / size[family.stratum], position, family))
        seen[family.stratum] += family.size
    return [family for _, _, family in sorted(keyed, key=lambda key: key[:2])]

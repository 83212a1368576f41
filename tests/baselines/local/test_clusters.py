"""Clustering of concerns: what chains, what does not, and where the threshold lies."""

import numpy as np

from bioreview_bench.baselines.derived import ensemble


def arc(*degrees: float) -> np.ndarray:
    """Cosines of points on a circle."""
    angles = np.radians(degrees)
    return np.cos(angles[:, None] - angles[None, :])


def components(similarity: np.ndarray, threshold: float) -> list[list[int]]:
    """Connected components of the graph of similar pairs, by flooding."""
    left, found = list(range(len(similarity))), []
    while left:
        group = {left[0]}
        while True:
            more = {place for place in left if any(similarity[place, member] >= threshold for member in group)}
            if more <= group:
                break
            group |= more
        found.append(sorted(group))
        left = [place for place in left if place not in group]
    return found


def test_single_linkage_chains_along_an_arc_and_complete_does_not() -> None:
    # cos 10 = 0.9848 >= 0.98 > cos 20 = 0.9397
    similarity = arc(0, 10, 20)
    assert ensemble.clusters(similarity, "single", 0.98) == [[0, 1, 2]]
    assert ensemble.clusters(similarity, "complete", 0.98) in ([[0, 1], [2]], [[0], [1, 2]])


def test_single_linkage_equals_connected_components() -> None:
    random = np.random.default_rng(3)
    for _ in range(50):
        similarity = arc(*random.uniform(0, 180, random.integers(1, 15)))
        threshold = float(np.cos(np.radians(random.uniform(2, 20))))
        assert ensemble.clusters(similarity, "single", threshold) == components(similarity, threshold)


def test_every_pair_of_a_complete_cluster_is_similar() -> None:
    random = np.random.default_rng(4)
    for _ in range(50):
        similarity = arc(*random.uniform(0, 90, 12))
        groups = ensemble.clusters(similarity, "complete", 0.95)
        assert sorted(place for group in groups for place in group) == list(range(12))
        assert [group[0] for group in groups] == sorted(group[0] for group in groups)
        assert all(similarity[np.ix_(group, group)].min() >= 0.95 - 1e-6 for group in groups)


def test_the_threshold_is_inclusive_and_equal_texts_meet_at_one() -> None:
    assert ensemble.clusters(arc(0, 60), "complete", 0.5) == [[0, 1]]
    assert ensemble.clusters(arc(0, 61), "complete", 0.5) == [[0], [1]]
    assert ensemble.clusters(arc(33, 33, 34), "single", 1.0) == [[0, 1], [2]]
    rounded = np.array([[1, 1 - 2e-7], [1 - 2e-7, 1]])  # equal float32 vectors need not reach 1
    assert ensemble.clusters(rounded, "complete", 1.0) == [[0, 1]]
    assert ensemble.clusters(arc(1), "single", 0.9) == [[0]]
    assert ensemble.clusters(np.empty((0, 0)), "single", 0.9) == []

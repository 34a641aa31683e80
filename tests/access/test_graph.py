"""Ways that never end, compared with walking all of them."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from collabkit.access.graph import reached, way_to, winding

NAMES = "abcdef"

graphs = st.fixed_dictionaries(
    {name: st.sets(st.sampled_from(NAMES), max_size=2) for name in NAMES}
)


def _ways(graph: dict[str, set[str]], way: str) -> set[str]:
    """All ways that go on from one, each as far as its first place that comes again."""
    if len(set(way)) < len(way):
        return {way}
    return {way}.union(*(_ways(graph, way + each) for each in graph[way[-1]]))


@settings(max_examples=50)
@given(graphs, st.integers(1, 6))
def test_a_way_that_comes_back_or_is_too_long_is_found(
    graph: dict[str, set[str]], most: int
) -> None:
    """There is such a way if walking all ways finds one, and what is returned is one."""
    ways = set().union(*(_ways(graph, name) for name in NAMES))
    bad = [way for way in ways if len(set(way)) < len(way) or len(way) - 1 > most]
    found = winding(NAMES, lambda name: sorted(graph[name]), most)
    assert (found is None) == (not bad)
    if found is not None:
        assert all(there in graph[here] for here, there in itertools.pairwise(found))
        comes_back = found[0] == found[-1]
        assert comes_back or len(set(found)) == len(found)


@settings(max_examples=50)
@given(graphs)
def test_all_that_is_reached_has_a_shortest_way(graph: dict[str, set[str]]) -> None:
    """What is reached, and by how many steps, is what walking all ways says."""
    found = reached("a", lambda name: sorted(graph[name]))
    lengths: dict[str, int] = {}
    for way in _ways(graph, "a"):
        lengths[way[-1]] = min(lengths.get(way[-1], len(way)), len(way))
    ways = {name: way_to(found, name) for name in found}
    assert {name: len(way) for name, way in ways.items()} == lengths
    for name, steps in ways.items():
        assert (steps[0], steps[-1]) == ("a", name)
        assert all(there in graph[here] for here, there in itertools.pairwise(steps))


def test_ten_thousand_levels_are_walked() -> None:
    """No depth is too deep for an answer."""
    chain = {str(number): [str(number + 1)] for number in range(10_000)} | {"10000": []}
    found = winding(chain, chain.__getitem__, 64)
    assert found is not None
    assert len(found) == 66
    assert winding(chain, chain.__getitem__, 10_000) is None
    assert len(reached(["0"], chain.__getitem__)) == 10_001

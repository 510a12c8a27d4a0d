"""Terms that are expected are made likelier, token by token: for names the prompt does not teach.

Shallow fusion with a prefix tree of the terms (Zhao et al. 2019, "Shallow-Fusion End-to-End
Contextual Biasing"), without the weights' withdrawal where a term is not completed: a greedy
decode cannot go back, so the weight is small enough for the sound to decide.
"""

from collections.abc import Iterable, Sequence
from typing import Protocol, TypeAlias

from live_whisper.engines.base import Logits

_Node: TypeAlias = "dict[int, _Node]"


class HasTail(Protocol):
    """What is asked of the sampled sequence."""

    @property
    def tail(self) -> tuple[int, ...]:
        """The newest tokens, oldest first."""
        ...


class TermBoost:
    """A rule that adds to the logits of tokens that begin a term or go on with one.

    Thread-safe: nothing changes after it was made.
    """

    def __init__(self, terms: Iterable[Sequence[int]], nats: float) -> None:
        """``terms``: their token ids, with the space before them. ``nats``: added to each logit."""
        self._nats = nats
        self._root: _Node = {}
        for term in terms:
            node = self._root
            for token in term:
                node = node.setdefault(token, {})

    def apply(self, logits: Logits, sampled: HasTail) -> None:
        """``logits``: shape (n_vocab,), float32, changed in place."""
        for token in self.expected(sampled.tail):
            logits[token] += self._nats

    def expected(self, tail: Sequence[int]) -> set[int]:
        """The tokens that may begin a term, and those that go on with one that ``tail`` began."""
        found = set(self._root)
        open_nodes: list[_Node] = []
        for token in tail:
            nodes = [*open_nodes, self._root]
            open_nodes = [node[token] for node in nodes if token in node]
        return found.union(*open_nodes)

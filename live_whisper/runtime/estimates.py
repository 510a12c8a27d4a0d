"""What a model of a published size would be like on this machine, and what to make of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from live_whisper.hub.names import KNOWN_MODELS
from live_whisper.runtime.engine_speed import SIZES, EngineSpeed
from live_whisper.streaming.evaluation.report import Report

LIVE_P50_SECONDS = 2.0
LIVE_P95_SECONDS = 5.0
"""Later than this, captions are no longer worth the name live."""
LIVE, BY_PHRASE, TOO_SLOW = "live", "phrase by phrase", "too slow"


@dataclass(frozen=True, slots=True)
class Estimate:
    """One size and context: its measured cost, the demo's words."""

    size: str
    context: str
    """``full`` (official checkpoints) or ``fit`` (those trained for short windows)."""
    speed: EngineSpeed
    decode_seconds: float
    """Median cost of a window."""
    step_seconds: float | None
    """Time between decodes of speech that goes on, as the program chose it; ``None``: there are
    none, each phrase is decoded once."""
    compute_ratio: float
    """Engine time ÷ audio time."""
    commit_p50: float | None
    commit_p95: float | None
    policy: str
    verdict: str
    """``LIVE``, ``BY_PHRASE`` or ``TOO_SLOW``."""

    @property
    def model(self) -> str | None:
        """Name in the model list of a checkpoint of this kind; ``None``: none is published."""
        name = self.size if self.context == "full" else f"acft-{self.size}"
        return name if any(known.name == name for known in KNOWN_MODELS) else None


def is_live(report: Report) -> bool:
    """Whether captions come soon enough, and the engine keeps up."""
    p50, p95 = report.delay.commit.p50, report.delay.commit.p95
    if p50 is None or p95 is None:
        return False
    keeps_up = report.cost.real_time_factor < 1.0
    return keeps_up and p50 <= LIVE_P50_SECONDS and p95 <= LIVE_P95_SECONDS


def verdict(report: Report, policy: str) -> str:
    """``LIVE``, ``BY_PHRASE`` or ``TOO_SLOW``."""
    if is_live(report):
        return LIVE
    if policy == "phrase" and report.cost.real_time_factor < 0.8:
        return BY_PHRASE
    return TOO_SLOW


def next_size(base: Sequence[Estimate]) -> str:
    """What is worth knowing after base: the next larger size where base is live, else tiny."""
    return "small" if any(item.verdict == LIVE and item.model for item in base) else "tiny"


def advice(estimates: Sequence[Estimate]) -> Iterator[str]:
    """What to choose here, in sentences. ``estimates`` from small to large."""
    named = [(item, item.model) for item in estimates if item.model is not None]
    good = [(item, name) for item, name in named if item.verdict == LIVE]
    fair = [(item, name) for item, name in named if item.verdict == BY_PHRASE]
    slow = [name for item, name in named if item.verdict == TOO_SLOW]
    if good:
        item, name = good[-1]
        yield (
            f"Live here: {_listed([name for _, name in good])}."
            f" The largest is {name}: half of its words are final {item.commit_p50:.1f} s after"
            " they were said."
        )
    else:
        yield "None of these models is live on this machine."
    if fair:
        yield (
            f"Phrase by phrase, a few seconds late: {_listed([name for _, name in fair])}"
            " (--policy phrase)."
        )
    if slow:
        usable = [name for _, name in (*fair, *good)]  # the largest live one comes last
        instead = f"try {usable[-1]}" if usable else _smaller(estimates)
        yield f"This machine is too slow for {_listed(slow)}; {instead}."


def _smaller(estimates: Sequence[Estimate]) -> str:
    measured = {item.size for item in estimates}
    sizes = list(SIZES)
    smaller = sizes[: min(map(sizes.index, measured))]
    return f"try {smaller[-1]} (--size {smaller[-1]} measures it)" if smaller else "try the demo"


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"

"""SIGKILL at random moments: what was printed is kept, what was heard is recovered."""

from pathlib import Path
from types import ModuleType

import pytest


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["align_att", "local_agreement", "phrase"])
def test_a_killed_run_recovers_to_what_an_undisturbed_one_says(
    policy: str, program, kill_loop: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in program.environment.items():
        monkeypatch.setenv(name, value)
    setup = kill_loop.Setup(
        program.command, program.audio, "fast", tmp_path,
        assignments=["engine.isolation=thread", f"streaming.policy={policy}"],
    )  # fmt: skip
    rounds = kill_loop.kill_loop(setup, 4, seed=len(policy), earliest=0.4)
    assert [problem for item in rounds for problem in item.problems] == []
    assert any(item.compared for item in rounds), "no kill left anything to recover"
    assert any(item.printed_words for item in rounds), "no kill came after a word"


@pytest.mark.slow
def test_a_run_in_real_time_loses_no_printed_word(
    program, kill_loop: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in program.environment.items():
        monkeypatch.setenv(name, value)
    setup = kill_loop.Setup(program.command, program.audio, "realtime", tmp_path)
    rounds = []
    for number, delay in enumerate((4.0, 7.5)):
        now = kill_loop.Round(number, delay)
        rounds.append(kill_loop.one_round(setup, None, now, kill_loop.random.Random(number)))
    assert [problem for item in rounds for problem in item.problems] == []
    for item in rounds:
        captured = round(item.captured_s * 16_000)
        assert item.recovered_words == sum(
            word.end <= captured for word in program.meeting.script.words
        )

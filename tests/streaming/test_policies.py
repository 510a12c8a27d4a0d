"""Which words each policy calls safe."""

import numpy as np
import pytest
from support.scripted_recognizer import sentence

from live_whisper.config.schema import StreamingConfig
from live_whisper.decoding.types import Step, Verdict
from live_whisper.streaming.policies.align_att import REWIND_POSITIONS, AlignAtt
from live_whisper.streaming.policies.choose import make_policy
from live_whisper.streaming.policies.local_agreement import LocalAgreement
from live_whisper.streaming.policies.phrase import Phrase
from live_whisper.types.text import Hypothesis, Word


def said(text: str) -> Hypothesis:
    words = tuple(Word(f" {part}", 0, 0) for part in text.split())
    return Hypothesis(words, stable=0, language="en")


def step(index: int, position: int, *, positions: int = 1500, timestamp: bool = False) -> Step:
    attention = np.zeros((2, positions), np.float32)
    attention[:, position] = 1.0
    return Step(index, 7, -0.1, attention, is_timestamp=timestamp, tokens=())


class TestAlignAtt:
    def watch(self):
        policy = AlignAtt(margin_ms=400)
        watch = policy.watch(positions=200, first_position=0, final=False)
        assert watch is not None
        return watch

    def test_tokens_attended_well_before_the_end_are_safe(self) -> None:
        watch = self.watch()
        for index, position in enumerate((10, 50, 100, 179)):
            assert watch.observe(step(index, position)) is Verdict.CONTINUE
        assert watch.safe_tokens == 4

    def test_the_first_fresh_token_ends_the_safe_ones_for_good(self) -> None:
        watch = self.watch()
        for index, position in enumerate((10, 180, 100)):
            watch.observe(step(index, position))
        assert watch.safe_tokens == 1

    def test_ended_speech_needs_no_watch(self) -> None:
        policy = AlignAtt(margin_ms=400)
        assert policy.watch(positions=200, first_position=0, final=True) is None

    def test_attention_to_padding_does_not_count(self) -> None:
        watch = self.watch()
        weights = np.zeros((1, 1500), np.float32)
        weights[0, 50], weights[0, 900] = 0.3, 0.7  # the window's audio ends at 200
        watch.observe(Step(0, 7, -0.1, weights, is_timestamp=False, tokens=()))
        assert watch.safe_tokens == 1

    def test_attention_that_jumps_far_back_is_lost(self) -> None:
        policy = AlignAtt(margin_ms=400)
        watch = policy.watch(positions=1500, first_position=0, final=False)
        assert watch is not None
        watch.observe(step(0, REWIND_POSITIONS + 100))
        watch.observe(step(1, 99))
        assert watch.safe_tokens == 1

    def test_timestamps_are_not_judged(self) -> None:
        watch = self.watch()
        watch.observe(step(0, 199, timestamp=True))
        watch.observe(step(1, 10))
        assert watch.safe_tokens == 2

    def test_another_attempt_begins_anew(self) -> None:
        watch = self.watch()
        watch.observe(step(0, 199))
        assert watch.safe_tokens == 0
        watch.observe(step(0, 10))
        assert watch.safe_tokens == 1

    def test_a_final_hypothesis_is_committed_whole(self) -> None:
        policy = AlignAtt(margin_ms=400)
        words = Hypothesis(sentence(0, 5), stable=2, language="en")
        assert policy.commit(words, final=False) == 2
        assert policy.commit(words, final=True) == 5


class TestDoubtfulWords:
    def hypothesis(self, *words: tuple[str, float], stable: int, length: int = 100) -> Hypothesis:
        said = tuple(
            Word(f" {text}", 1000 * i, 1000 * i + length, probability)
            for i, (text, probability) in enumerate(words)
        )
        return Hypothesis(said, stable=stable, language="en")

    def policy(self) -> AlignAtt:
        return AlignAtt(margin_ms=400, sure_probability=0.8)

    def test_a_doubtful_word_waits_until_it_is_repeated(self) -> None:
        policy = self.policy()
        first = self.hypothesis(("we", 0.9), ("knead", 0.5), ("three", 0.9), stable=3)
        assert policy.commit(first, final=False) == 1
        other = self.hypothesis(("need", 0.6), ("three", 0.9), stable=2)
        assert policy.commit(other, final=False) == 0
        assert policy.commit(other, final=False) == 2

    def test_it_counts_as_repeated_though_it_was_not_safe_before(self) -> None:
        policy = self.policy()
        assert policy.commit(self.hypothesis(("we", 0.5), stable=0), final=False) == 0
        assert policy.commit(self.hypothesis(("We,", 0.5), stable=1), final=False) == 1

    def test_a_word_without_a_place_is_doubtful(self) -> None:
        policy = self.policy()
        crowded = self.hypothesis(("we", 0.99), stable=1, length=0)
        assert policy.commit(crowded, final=False) == 0
        assert policy.commit(crowded, final=False) == 1

    def test_without_a_threshold_every_safe_word_is_sure(self) -> None:
        policy = AlignAtt(margin_ms=400)
        assert policy.commit(self.hypothesis(("we", 0.1), stable=1, length=0), final=False) == 1

    def test_speech_that_has_ended_is_committed_whole(self) -> None:
        policy = self.policy()
        assert policy.commit(self.hypothesis(("we", 0.1), stable=0), final=True) == 1

    def test_what_waits_is_forgotten_with_its_window_and_kept_over_a_restart(self) -> None:
        policy, again = self.policy(), self.policy()
        doubtful = self.hypothesis(("we", 0.5), stable=1)
        policy.commit(doubtful, final=False)
        again.resume(policy.memory)
        assert again.commit(doubtful, final=False) == 1
        policy.reset()
        assert policy.memory == ()
        assert policy.commit(doubtful, final=False) == 0


class TestLocalAgreement:
    def test_what_two_hypotheses_share_is_committed(self) -> None:
        policy = LocalAgreement(agreement=2)
        assert policy.commit(said("we need three"), final=False) == 0
        assert policy.commit(said("we need three more days"), final=False) == 3

    def test_case_and_punctuation_do_not_disagree(self) -> None:
        policy = LocalAgreement(agreement=2)
        policy.commit(said("Good, morning everyone"), final=False)
        assert policy.commit(said("good morning, every one"), final=False) == 2

    def test_the_last_word_may_still_grow(self) -> None:
        policy = LocalAgreement(agreement=2)
        policy.commit(said("the meet"), final=False)
        assert policy.commit(said("the meet"), final=False) == 1

    def test_committed_words_are_not_compared_again(self) -> None:
        policy = LocalAgreement(agreement=2)
        policy.commit(said("a b c"), final=False)
        assert policy.commit(said("a b c d"), final=False) == 3
        # the next hypothesis no longer holds the committed words
        assert policy.commit(said("d e"), final=False) == 1

    def test_three_must_agree_where_three_are_asked(self) -> None:
        policy = LocalAgreement(agreement=3)
        assert policy.commit(said("a b c"), final=False) == 0
        assert policy.commit(said("a b c"), final=False) == 0
        assert policy.commit(said("a b x"), final=False) == 2

    def test_reset_forgets(self) -> None:
        policy = LocalAgreement(agreement=2)
        policy.commit(said("a b c"), final=False)
        policy.reset()
        assert policy.commit(said("a b c"), final=False) == 0


def test_phrase_commits_finals_only() -> None:
    policy = Phrase()
    assert policy.commit(said("a b"), final=False) == 0
    assert policy.commit(said("a b"), final=True) == 2
    assert not policy.decodes_open_speech


@pytest.mark.parametrize("name", ["align_att", "local_agreement", "phrase"])
def test_every_policy_can_be_chosen_and_commits_finals(name: str) -> None:
    policy = make_policy(StreamingConfig(policy=name))  # type: ignore[arg-type]
    assert policy.commit(said("a b c"), final=True) == 3

"""Layers of settings, and what a user reads when one of them is wrong."""

from pathlib import Path

import pytest

from live_whisper.config.load import assignment_layer, known_keys, load, merge, profile_layer
from live_whisper.config.schema import Config
from live_whisper.errors import ConfigError

PROFILES = Path(__file__).resolve().parents[2] / "configs"


def test_defaults_need_no_file() -> None:
    loaded = load(environment={})
    assert loaded.config == Config()
    assert not loaded.origins


def test_later_layers_win_and_are_remembered(tmp_path: Path) -> None:
    profile = tmp_path / "mine.toml"
    profile.write_text("[streaming]\nstep_ms = 700\nmargin_ms = 900\n[vad]\naggressiveness = 1\n")
    loaded = load(
        profiles=[str(profile)],
        assignments=["streaming.margin_ms=800"],
        options={"recognition.language": "ko"},
        environment={"LIVE_WHISPER_STREAMING__STEP_MS": "600", "HOME": "/"},
    )
    assert loaded.config.streaming.step_ms == 600
    assert loaded.config.streaming.margin_ms == 800
    assert loaded.config.vad.aggressiveness == 1
    assert loaded.config.recognition.language == "ko"
    assert loaded.origins == {
        "streaming.step_ms": "LIVE_WHISPER_STREAMING__STEP_MS",
        "streaming.margin_ms": "--set",
        "vad.aggressiveness": str(profile),
        "recognition.language": "command line",
    }


@pytest.mark.parametrize(
    ("assignment", "said"),
    [
        ("streaming.stepms=3", "Did you mean 'streaming.step_ms'?"),
        ("step_ms=3", "Did you mean 'streaming.step_ms'?"),
        ("nonsense.zzz=3", "live-whisper config show"),
        ("streaming.step_ms", "section.key=value"),
    ],
)
def test_an_unknown_key_names_the_nearest(assignment: str, said: str) -> None:
    with pytest.raises(ConfigError) as error:
        assignment_layer(assignment)
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("assignment", "said"),
    [
        ("streaming.step_ms=soon", "streaming.step_ms = 'soon' (--set)"),
        ("streaming.step_ms=1", "greater than or equal to 40"),
        ("streaming.policy=magic", "'align_att', 'local_agreement' or 'phrase'"),
    ],
)
def test_an_impossible_value_says_what_is_possible(assignment: str, said: str) -> None:
    with pytest.raises(ConfigError) as error:
        merge([assignment_layer(assignment)])
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_text_settings_need_no_quotes_and_lists_no_brackets() -> None:
    loaded = merge(
        [
            assignment_layer("recognition.prompt=42 is the answer"),
            assignment_layer("recognition.glossary=Kim, Park"),
        ]
    )
    assert loaded.config.recognition.prompt == "42 is the answer"
    assert loaded.config.recognition.glossary == ("Kim", "Park")


@pytest.mark.parametrize("content", ["[streaming", "streaming = 3", "\xff", "[streaming]\nx = 1"])
def test_a_broken_file_is_named_in_one_line(tmp_path: Path, content: str) -> None:
    path = tmp_path / "broken.toml"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(ConfigError) as error:
        merge([profile_layer(str(path))])
    assert "broken.toml" in str(error.value)
    assert "\n" not in str(error.value)


def test_an_unknown_profile_lists_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="low-latency"):
        profile_layer("fast")


@pytest.mark.parametrize("path", sorted(PROFILES.glob("*.toml")), ids=lambda path: path.stem)
def test_every_shipped_profile_is_valid(path: Path) -> None:
    assert merge([profile_layer(path.stem)])


def test_the_default_profile_lists_every_setting_with_its_default() -> None:
    layer = profile_layer("default")
    assert sorted(layer.values) == sorted(known_keys())
    assert merge([layer]).config == Config()

"""From the settings to a policy."""

from live_whisper.config.schema import StreamingConfig
from live_whisper.streaming.policies.align_att import AlignAtt
from live_whisper.streaming.policies.base import Policy
from live_whisper.streaming.policies.local_agreement import LocalAgreement
from live_whisper.streaming.policies.phrase import Phrase


def make_policy(settings: StreamingConfig) -> Policy:
    """The policy that ``settings.policy`` names."""
    match settings.policy:
        case "align_att":
            return AlignAtt(
                margin_ms=settings.margin_ms,
                sure_probability=settings.sure_probability,
            )
        case "local_agreement":
            return LocalAgreement(agreement=settings.agreement)
        case "phrase":
            return Phrase()

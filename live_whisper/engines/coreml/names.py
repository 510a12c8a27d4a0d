"""Names of the graphs' inputs, outputs, states and functions.

Those that WhisperKit's models also have carry WhisperKit's names.
"""

MEL = "melspectrogram_features"  # (1, n_mels, 1, 2 * positions)
ENCODED = "encoder_output_embeds"  # (1, d, 1, positions)

INPUT_IDS = "input_ids"  # (width,) int32
CACHE_LENGTH = "cache_length"  # (1,) int32: tokens already in the cache
KEY_CACHE = "key_cache"  # (1, layers * d, 1, text positions)
VALUE_CACHE = "value_cache"
UPDATE_MASK = "kv_cache_update_mask"  # (width, text positions): row i is 1 where id i goes
PADDING_MASK = "decoder_key_padding_mask"  # (width, text positions): 0 to see, MASKED to hide
KEY_UPDATES = "key_cache_updates"  # (1, layers * d, 1, width)
VALUE_UPDATES = "value_cache_updates"
LOGITS = "logits"  # (1, 1, n_vocab)
ALIGNMENT = "alignment_heads_weights"  # (1, alignment heads, width, positions)

CROSS_KEYS = "cross_key_cache"  # (1, layers * d, 1, positions)
CROSS_VALUES = "cross_value_cache"
OUTPUT_MASK = "output_mask"  # (1, width): 1 at the id whose logits are wanted
CROSS_MASK = "encoder_key_padding_mask"  # (1, padded positions), stateful decoder only
PROJECTED = "projected"  # (1,), stateful decoder only: says that the projection ran

MASKED = -1e4  # far below any score, and inside the range of float16 (-1e9 becomes -inf, then NaN)

ENCODER = "AudioEncoder"
CROSS = "CrossProjection"
STEP = "TextDecoder"
PREFILL = "TextDecoderPrefill"
STATEFUL = "TextDecoderStateful"

FUNCTION_CROSS = "cross"
FUNCTION_PREFILL = "prefill"
FUNCTION_STEP = "step"

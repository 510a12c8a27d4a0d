"""Which words are safe. A policy has a part inside the decoding loop and a part after it."""

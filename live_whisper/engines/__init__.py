"""Engines run a checkpoint's encoder and decoder; all of them satisfy ``base``'s protocols."""

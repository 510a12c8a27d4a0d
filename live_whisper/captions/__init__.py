"""Captions as pure text: cleaning, measuring, breaking into cues, writing subtitle formats."""

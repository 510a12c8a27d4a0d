"""Where somebody speaks: per-frame detectors and the segmenter that turns them into segments."""

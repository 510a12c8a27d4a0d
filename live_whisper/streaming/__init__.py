"""From audio to captions, live: windows, policies, stitching, sinks and recordings."""

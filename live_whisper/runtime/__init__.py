"""Puts the parts together and runs them: threads, processes and real clocks live here only."""

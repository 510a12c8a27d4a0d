"""How good a run was: its events against a timeline with known word times. Pure functions."""

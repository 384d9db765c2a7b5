"""Decides at the gate: passages, verdicts, violations. Pure."""

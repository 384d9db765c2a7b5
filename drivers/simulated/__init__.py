"""Simulated sensors that answer over a pseudo-terminal; they serve tests, the demo and learners."""

"""Assembles the parts from the config: one thread a source, one an uplink, all supervised."""

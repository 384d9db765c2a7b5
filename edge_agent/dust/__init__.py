"""Decides over dust: windows, limits, exceedances. Pure."""

"""Measures detector and truck-state classifier on a folder of pictures with a label file; nothing here trains."""

"""Procedural scenes of construction gates: tipper trucks, loads, mud, weather, cameras, and their labels.

A seed gives the same scene: every random choice comes from one `numpy.random.Generator`. Geometry and labels need only
numpy and OpenCV; drawing needs `moderngl` with an EGL driver (Mesa's llvmpipe will do).
Lengths are metres, x forward, y left, z up; angles are radians; colours are linear RGB in 0..1 until the picture is
developed in `degrade`.
"""

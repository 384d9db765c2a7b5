"""Hardware in: bytes to readings, devices to frames. Floor 0: knows nothing above itself.

``table`` opens everything by name. A sensor is a ``driver`` (data and decode) read by a ``sensor`` session over a
``port`` (``serial_port``, ``recording``, or a ``simulated`` device behind a pseudo-terminal). A ``camera`` is live or
recorded.
"""

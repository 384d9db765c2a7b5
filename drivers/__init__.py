"""Hardware in: bytes to readings, devices to frames. Floor 0: knows nothing above itself."""

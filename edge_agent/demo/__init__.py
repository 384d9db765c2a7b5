"""The demo: the real agent on a rendered gate, a simulated sensor and, if none is given, a broker in this process."""

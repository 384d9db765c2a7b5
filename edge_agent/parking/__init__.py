"""A parking pole's deciders: bays, stays, and vehicles where none may stand."""

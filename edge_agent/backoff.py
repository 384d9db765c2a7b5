"""How long to wait before trying again: tenacity's full jitter, growing with each failure up to a ceiling."""

from __future__ import annotations

from collections.abc import Callable

from tenacity import RetryCallState, Retrying
from tenacity.wait import wait_random_exponential

_MOST_COUNTED = 16


def back_off(multiplier_s: float, most_s: float) -> Callable[[int], float]:
    """Seconds to wait after the n-th failure in a row, n from 1: between 0 and ``multiplier_s`` · 2^(n-1)."""
    policy = wait_random_exponential(multiplier=multiplier_s, max=most_s)
    state = RetryCallState(Retrying(), None, (), {})

    def wait_s(failures: int) -> float:
        state.attempt_number = min(max(1, failures), _MOST_COUNTED)
        return float(policy(state))

    return wait_s

"""The budget of calls: never overdrawn, and nobody waits for calls that are not open."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from hypothesis import given
from hypothesis import strategies as st

from goldleaf.votes.llm_budget import Budget

COSTS = st.lists(st.floats(1e-7, 0.3), min_size=1, max_size=30)


@given(costs=COSTS, limit=st.floats(0.1, 2.0))
def test_rounding_leaves_nobody_waiting(costs: list[float], limit: float) -> None:
    budget = Budget(limit)
    held = [most for most in costs if budget._held + most <= limit and budget.hold(most)]
    for most in held:
        budget.settle(most, 0.0)
    assert not budget.hold(limit * 1.1)  # returns, for there is no call to wait for


@given(costs=COSTS)
def test_what_is_paid_never_passes_the_limit(costs: list[float]) -> None:
    budget = Budget(1.0)

    def call(most: float) -> bool:
        if not budget.hold(most):
            return False
        budget.settle(most, most)
        return True

    with ThreadPoolExecutor(4) as pool:
        kept = [most for most, there in zip(costs, pool.map(call, costs), strict=True) if there]
    assert budget.spent <= 1.0 + 1e-6
    assert abs(sum(kept) - budget.spent) < 1e-9

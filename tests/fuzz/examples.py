"""How many examples a property is tried with: few in the tests, many with `make fuzz`.

Knows hypothesis. Must not know what is tried.
"""

import os

from hypothesis import HealthCheck, settings

EXAMPLES = int(os.environ.get("METAHUB_EXAMPLES", "60"))

fuzzed = settings(
    max_examples=EXAMPLES,
    derandomize="METAHUB_EXAMPLES" not in os.environ,
    deadline=None,  # a busy machine is no mistake
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
"""For a property that holds of whatever comes from outside."""

seldom = settings(fuzzed, max_examples=max(1, EXAMPLES // 2))
"""For one whose examples take long."""

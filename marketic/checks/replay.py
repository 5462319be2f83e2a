"""Known failures: a stored counterexample must still show what it was stored for."""

from typing import Any

import numpy as np

from marketic.checks.properties import PROPERTIES
from marketic.checks.report import Verdict
from marketic.checks.scenario import Scenario, batched
from marketic.claims import Refutation


def replay(mechanism: Any, domain: Any, refutation: Refutation) -> Verdict:
    """Whether the stored case breaks the claim, as the mechanism says it does."""
    if refutation.claim not in PROPERTIES:
        return Verdict("could not test", f"no single case refutes {refutation.claim.name}")
    test = PROPERTIES[refutation.claim]
    truth, other = batched(refutation.truth), batched(refutation.other)
    who = np.array([refutation.who], dtype=np.int64)
    if other is None and test.redo is not None:
        other = test.redo(truth, who)
    scenario = Scenario(truth, other, who)
    try:
        excess = test.excess(mechanism, domain, scenario) - scenario.slack(domain)
    except (Exception, SystemExit) as error:  # whatever a stranger's code raises is an answer
        return Verdict("refuted", f"the stored case makes clear raise {type(error).__name__}: {error}", 1)
    if (excess > 0).any():
        return Verdict("kept", test.explain(mechanism, domain, scenario), 1)
    return Verdict(
        "refuted", f"the stored case does not break {refutation.claim.name}: correct the case or the list", 1
    )

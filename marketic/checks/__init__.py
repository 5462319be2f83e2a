"""Conformance kits that users run on their own parts."""

from marketic.checks.environment import check_env
from marketic.checks.firm import check_firm
from marketic.checks.mechanism import ClaimRefuted, check_mechanism
from marketic.checks.population import check_population
from marketic.checks.report import Report, Verdict

__all__ = ["ClaimRefuted", "Report", "Verdict", "check_env", "check_firm", "check_mechanism", "check_population"]

"""Conformance kits that users run on their own parts."""

from marketic.checks.mechanism import ClaimRefuted, MechanismReport, check_mechanism

__all__ = ["ClaimRefuted", "MechanismReport", "check_mechanism"]

"""Auction mechanisms: each file one idea, with its theory and its claims on top."""

from importlib import import_module
from typing import Any

if __name__ != "marketic.mechanisms":
    raise ImportError("import marketic.mechanisms, not mechanisms")

_HOMES = {
    "FisherMarket": "fisher",
    "LinearExchange": "arrow_debreu",
    "AllPay": "all_pay",
    "AscendingAssignment": "assignment_ascending",
    "AscendingProxy": "proxy_auction",
    "AssignmentMarket": "assignment_market",
    "Ausubel": "ausubel",
    "BalancedExchange": "balanced_exchange",
    "Boston": "boston",
    "ClarkePivot": "clarke_pivot",
    "ClinchingClock": "ausubel",
    "CombinatorialClock": "combinatorial_clock",
    "ConstantProduct": "constant_product",
    "CoreSelecting": "core_selecting",
    "CostFunctionMarket": "cost_function",
    "DecisionMarket": "decision_market",
    "DeferredAcceptance": "deferred_acceptance",
    "Discriminatory": "discriminatory",
    "DoubleAuction": "double_auction",
    "Dutch": "dutch_clock",
    "DutchClock": "dutch_clock",
    "Edits": "probability_edits",
    "English": "english_clock",
    "EnglishClock": "english_clock",
    "ExpectedExternality": "expected_externality",
    "ExpectedExternalityProject": "expected_externality",
    "FirstPrice": "first_price",
    "GSP": "position",
    "GaussianMaker": "bayesian_market_maker",
    "GlostenMilgrom": "bayesian_market_maker",
    "GreedySingleMinded": "greedy_single_minded",
    "Ironed": "ironing",
    "KellyMarket": "kelly_market",
    "LMSR": "lmsr",
    "LatentClassMarket": "latent_class_market",
    "LiquiditySensitive": "liquidity_sensitive",
    "McAfee": "mcafee",
    "Myerson": "myerson",
    "Equilibrium": "equilibrium",
    "OrderBook": "order_book",
    "OrderKind": "order_book_records",
    "Orders": "order_book_records",
    "Parimutuel": "parimutuel",
    "PayAsBidPackages": "pay_as_bid_packages",
    "PayBidSoftmax": "exponential",
    "Post": "post",
    "PostedPrice": "posted_price",
    "ProportionalShare": "proportional_share",
    "Rotation": "rotation",
    "SecondPrice": "second_price",
    "SecondPriceReserve": "reserve",
    "SequentialPostedPrices": "posted_price",
    "SerialDictatorship": "serial_dictatorship",
    "Softmax": "softmax",
    "Subsidised": "taxes",
    "Tatonnement": "tatonnement",
    "Taxed": "taxes",
    "ThirdPrice": "third_price",
    "TopTradingCycles": "top_trading_cycles",
    "TradeReduction": "trade_reduction",
    "TreeLMSR": "tree_lmsr",
    "UniformPrice": "uniform_price",
    "VCG": "vcg",
    "VCGExchange": "vcg_exchange",
    "VCGPosition": "position",
    "VickreyUnits": "vickrey_units",
    "VirtualValueAuction": "learned_auction",
    "WalrasBundles": "walras_bundles",
    "WalrasLP": "walras_lp",
    "WithBudget": "budgets",
    "WithReserve": "reserve",
    "bucket_brigade": "sequences",
    "credit_conserving_vickrey": "sequences",
    "minted_vickrey": "sequences",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    """Import a mechanism on first use: nobody waits for solvers that are not needed (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'marketic.mechanisms' has no attribute {name!r}")
    value = getattr(import_module(f"marketic.mechanisms.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)

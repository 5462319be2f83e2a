"""Auction mechanisms: each file one idea, with its theory and its claims on top."""

from typing import Any

from marketic.lazy_names import first_use

if __name__ != "marketic.mechanisms":
    raise ImportError("import marketic.mechanisms, not mechanisms")

_HOMES = {
    "FisherMarket": "marketic.mechanisms.fisher",
    "LinearExchange": "marketic.mechanisms.arrow_debreu",
    "AllPay": "marketic.mechanisms.all_pay",
    "AscendingAssignment": "marketic.mechanisms.assignment_ascending",
    "AscendingProxy": "marketic.mechanisms.proxy_auction",
    "AssignmentMarket": "marketic.mechanisms.assignment_market",
    "Ausubel": "marketic.mechanisms.ausubel",
    "BalancedExchange": "marketic.mechanisms.balanced_exchange",
    "Boston": "marketic.mechanisms.boston",
    "ClarkePivot": "marketic.mechanisms.clarke_pivot",
    "ClinchingClock": "marketic.mechanisms.ausubel",
    "CombinatorialClock": "marketic.mechanisms.combinatorial_clock",
    "ConstantProduct": "marketic.mechanisms.constant_product",
    "CoreSelecting": "marketic.mechanisms.core_selecting",
    "CostFunctionMarket": "marketic.mechanisms.cost_function",
    "DecisionMarket": "marketic.mechanisms.decision_market",
    "DeferredAcceptance": "marketic.mechanisms.deferred_acceptance",
    "Discriminatory": "marketic.mechanisms.discriminatory",
    "DoubleAuction": "marketic.mechanisms.double_auction",
    "Dutch": "marketic.mechanisms.dutch_clock",
    "DutchClock": "marketic.mechanisms.dutch_clock",
    "Edits": "marketic.mechanisms.probability_edits",
    "English": "marketic.mechanisms.english_clock",
    "EnglishClock": "marketic.mechanisms.english_clock",
    "ExpectedExternality": "marketic.mechanisms.expected_externality",
    "ExpectedExternalityProject": "marketic.mechanisms.expected_externality",
    "FirstPrice": "marketic.mechanisms.first_price",
    "GSP": "marketic.mechanisms.position",
    "GaussianMaker": "marketic.mechanisms.bayesian_market_maker",
    "GlostenMilgrom": "marketic.mechanisms.bayesian_market_maker",
    "GreedySingleMinded": "marketic.mechanisms.greedy_single_minded",
    "Ironed": "marketic.mechanisms.ironing",
    "KellyMarket": "marketic.mechanisms.kelly_market",
    "LMSR": "marketic.mechanisms.lmsr",
    "LatentClassMarket": "marketic.mechanisms.latent_class_market",
    "LiquiditySensitive": "marketic.mechanisms.liquidity_sensitive",
    "McAfee": "marketic.mechanisms.mcafee",
    "Myerson": "marketic.mechanisms.myerson",
    "Equilibrium": "marketic.mechanisms.equilibrium",
    "OrderBook": "marketic.mechanisms.order_book",
    "OrderKind": "marketic.mechanisms.order_book_records",
    "Orders": "marketic.mechanisms.order_book_records",
    "Parimutuel": "marketic.mechanisms.parimutuel",
    "PayAsBidPackages": "marketic.mechanisms.pay_as_bid_packages",
    "PayBidSoftmax": "marketic.mechanisms.exponential",
    "Post": "marketic.mechanisms.post",
    "PostedPrice": "marketic.mechanisms.posted_price",
    "ProportionalShare": "marketic.mechanisms.proportional_share",
    "Rotation": "marketic.mechanisms.rotation",
    "SecondPrice": "marketic.mechanisms.second_price",
    "SecondPriceReserve": "marketic.mechanisms.reserve",
    "SequentialPostedPrices": "marketic.mechanisms.posted_price",
    "SerialDictatorship": "marketic.mechanisms.serial_dictatorship",
    "Softmax": "marketic.mechanisms.softmax",
    "Subsidised": "marketic.mechanisms.taxes",
    "Tatonnement": "marketic.mechanisms.tatonnement",
    "Taxed": "marketic.mechanisms.taxes",
    "ThirdPrice": "marketic.mechanisms.third_price",
    "TopTradingCycles": "marketic.mechanisms.top_trading_cycles",
    "TradeReduction": "marketic.mechanisms.trade_reduction",
    "TreeLMSR": "marketic.mechanisms.tree_lmsr",
    "UniformPrice": "marketic.mechanisms.uniform_price",
    "VCG": "marketic.mechanisms.vcg",
    "VCGExchange": "marketic.mechanisms.vcg_exchange",
    "VCGPosition": "marketic.mechanisms.position",
    "VickreyUnits": "marketic.mechanisms.vickrey_units",
    "VirtualValueAuction": "marketic.mechanisms.learned_auction",
    "WalrasBundles": "marketic.mechanisms.walras_bundles",
    "WalrasLP": "marketic.mechanisms.walras_lp",
    "WithBudget": "marketic.mechanisms.budgets",
    "WithReserve": "marketic.mechanisms.reserve",
    "bucket_brigade": "marketic.mechanisms.sequences",
    "credit_conserving_vickrey": "marketic.mechanisms.sequences",
    "minted_vickrey": "marketic.mechanisms.sequences",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    return first_use(globals(), _HOMES, name)


def __dir__() -> list[str]:
    return list(__all__)

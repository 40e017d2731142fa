"""What tokens cost: US dollars for a million, by provider and model.

List prices of the providers' own pages for standard, short-context requests: OpenAI
(platform.openai.com/docs/pricing), Anthropic (docs.claude.com, "Pricing"), Google
(ai.google.dev/gemini-api/docs/pricing). A model that is not here costs nothing we know of.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from db.measures import Usage, rounded


class Price(NamedTuple):
    """Dollars for a million tokens of prompt and of completion, and of kinds that differ."""

    prompt: Decimal
    completion: Decimal
    prompt_kinds: Mapping[str, Decimal]
    completion_kinds: Mapping[str, Decimal]


_OPENAI = """
gpt-5.2                      1.75  14     cache_read=0.175
gpt-5.2-pro                  21    168
gpt-5.1                      1.25  10     cache_read=0.125
gpt-5.1-codex                1.25  10     cache_read=0.125
gpt-5.1-codex-mini           0.25  2      cache_read=0.025
gpt-5                        1.25  10     cache_read=0.125
gpt-5-chat                   1.25  10     cache_read=0.125
gpt-5-codex                  1.25  10     cache_read=0.125
gpt-5-pro                    15    120
gpt-5-mini                   0.25  2      cache_read=0.025
gpt-5-nano                   0.05  0.4    cache_read=0.005
gpt-4.1                      2     8      cache_read=0.5
gpt-4.1-mini                 0.4   1.6    cache_read=0.1
gpt-4.1-nano                 0.1   0.4    cache_read=0.025
gpt-4o                       2.5   10     cache_read=1.25
gpt-4o-2024-05-13            5     15
gpt-4o-audio                 2.5   10     audio=40/80
gpt-4o-search                2.5   10
gpt-4o-realtime              5     20     cache_read=2.5 audio=40/80
gpt-4o-mini                  0.15  0.6    cache_read=0.075
gpt-4o-mini-audio            0.15  0.6    audio=10/20
gpt-4o-mini-search           0.15  0.6
chatgpt-4o                   5     15
o1                           15    60     cache_read=7.5
o1-pro                       150   600
o1-mini                      1.1   4.4    cache_read=0.55
o3                           2     8      cache_read=0.5
o3-pro                       20    80
o3-mini                      1.1   4.4    cache_read=0.55
o3-deep-research             10    40     cache_read=2.5
o4-mini                      1.1   4.4    cache_read=0.275
o4-mini-deep-research        2     8      cache_read=0.5
codex-mini                   1.5   6      cache_read=0.375
gpt-4-turbo                  10    30
gpt-4-1106                   10    30
gpt-4-0125                   10    30
gpt-4-vision                 10    30
gpt-4-32k                    60    120
gpt-4                        30    60
gpt-3.5-turbo                0.5   1.5
gpt-3.5-turbo-1106           1     2
gpt-3.5-turbo-0613           1.5   2
gpt-3.5-turbo-instruct       1.5   2
gpt-3.5-turbo-16k            3     4
text-embedding-3-small       0.02  0
text-embedding-3-large       0.13  0
text-embedding-ada-002       0.1   0
"""

_ANTHROPIC = """
claude-opus-4-6              5     25     cache_read=0.5 cache_creation=6.25
claude-opus-4-5              5     25     cache_read=0.5 cache_creation=6.25
claude-opus-4-1              15    75     cache_read=1.5 cache_creation=18.75
claude-opus-4                15    75     cache_read=1.5 cache_creation=18.75
claude-opus-4-0              15    75     cache_read=1.5 cache_creation=18.75
claude-sonnet-4-6            3     15     cache_read=0.3 cache_creation=3.75
claude-sonnet-4-5            3     15     cache_read=0.3 cache_creation=3.75
claude-sonnet-4              3     15     cache_read=0.3 cache_creation=3.75
claude-sonnet-4-0            3     15     cache_read=0.3 cache_creation=3.75
claude-haiku-4-5             1     5      cache_read=0.1 cache_creation=1.25
claude-3-7-sonnet            3     15     cache_read=0.3 cache_creation=3.75
claude-3-5-sonnet            3     15     cache_read=0.3 cache_creation=3.75
claude-3-5-haiku             0.8   4      cache_read=0.08 cache_creation=1
claude-3-opus                15    75     cache_read=1.5 cache_creation=18.75
claude-3-sonnet              3     15
claude-3-haiku               0.25  1.25   cache_read=0.03 cache_creation=0.3
"""

_GOOGLE = """
gemini-3-pro                 2     12     cache_read=0.2
gemini-3-flash               0.5   3      cache_read=0.05 audio=1
gemini-2.5-pro               1.25  10     cache_read=0.125
gemini-2.5-flash             0.3   2.5    cache_read=0.03 audio=1
gemini-2.5-flash-lite        0.1   0.4    cache_read=0.01 audio=0.3
gemini-2.0-flash             0.1   0.4    cache_read=0.025 audio=0.7
gemini-2.0-flash-lite        0.075 0.3
gemini-1.5-pro               1.25  5      cache_read=0.3125
gemini-1.5-flash             0.075 0.3    cache_read=0.01875
gemini-1.5-flash-8b          0.0375 0.15  cache_read=0.01
"""

_MILLION = 1_000_000
_VERSION = re.compile(
    r"(?:[-@:](?:\d{4}-\d\d-\d\d|\d\d-\d\d|\d{3,}|latest|preview|exp|v\d+))*(?::\d+)?"
)
"""What may follow a model's name without making it another model."""


def _table(text: str) -> Mapping[str, Price]:
    prices: dict[str, Price] = {}
    for line in text.split("\n"):
        name, prompt, completion, *kinds = line.split() or ("", "0", "0")
        split = [(kind, *dollars.split("/")) for kind, dollars in (k.split("=") for k in kinds)]
        prices[name] = Price(
            Decimal(prompt),
            Decimal(completion),
            {kind: Decimal(dollars[0]) for kind, *dollars in split},
            {kind: Decimal(dollars[1]) for kind, *dollars in split if len(dollars) > 1},
        )
    del prices[""]
    return prices


_openai, _anthropic, _google = _table(_OPENAI), _table(_ANTHROPIC), _table(_GOOGLE)
_vertex = {**_google, **_anthropic}
_everyone = {**_openai, **_vertex}
_PROVIDERS: Mapping[str | None, Mapping[str, Price]] = {
    None: _everyone,
    **dict.fromkeys(("openai", "azure", "azure_openai", "azureopenai"), _openai),
    **dict.fromkeys(("anthropic", "amazon_bedrock", "bedrock"), _anthropic),
    **dict.fromkeys(("google", "google_genai", "gemini"), _google),
    **dict.fromkeys(("google_vertexai", "vertexai", "google_anthropic_vertex"), _vertex),
    **dict.fromkeys(("openrouter", "litellm"), _everyone),
}


@lru_cache(maxsize=1024)
def price_of(provider: str | None, model: str) -> Price | None:
    """Return the price of a model, by the longest name it begins with; None if unknown.

    `provider` is metadata.ls_provider; None looks with every provider, an unknown one with none.
    """
    prices = _PROVIDERS.get(provider and provider.lower(), {})
    name = model.lower().rpartition("/")[2].rpartition("anthropic.")[2]
    for length in range(len(name), 0, -1):
        price = prices.get(name[:length])
        if price is not None and _VERSION.fullmatch(name, length):
            return price
    return None


def costs_of(tokens: Usage, price: Price) -> Usage:
    """Return what tokens cost: kinds with a price of their own first, the rest at the base."""
    costs: Usage = {}
    by_kind = any(not isinstance(measure, str) for measure in tokens)
    for side, base, kinds in (
        ("prompt", price.prompt, price.prompt_kinds),
        ("completion", price.completion, price.completion_kinds),
    ):
        count = tokens.get(f"{side}_tokens")
        if count is None:
            continue
        left, cost = int(count), Decimal(0)
        for kind, dollars in kinds.items() if by_kind else ():
            part = min(int(tokens.get((f"{side}Tokens", kind), 0)), left)
            if part:
                costs[f"{side}Cost", kind] = rounded(part * dollars / _MILLION)
                cost += part * dollars / _MILLION
                left -= part
        costs[f"{side}_cost"] = rounded(cost + left * base / _MILLION)
    if costs:
        costs["total_cost"] = sum(
            (Decimal(costs.get(f"{side}_cost", 0)) for side in ("prompt", "completion")), Decimal(0)
        )
    return costs

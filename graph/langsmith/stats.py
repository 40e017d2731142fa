"""Statistics as LangSmith spells them: of runs that a filter leaves, and of projects."""

from typing import Any

from graph.langsmith.fields import feedback_stats

STATS = """{
  run_count: runCount error_rate: errorRate
  latency { p50 p99 } firstToken: timeToFirstToken { p50 p99 }
  total_tokens: totalTokens prompt_tokens: promptTokens completion_tokens: completionTokens
  total_cost: totalCost prompt_cost: promptCost completion_cost: completionCost
  feedback { key n avg min max stdev values { value n } }
}"""

_NONE = {"p50": None, "p99": None}

NEWEST = "runs(first: 1) { nodes { startTime } }"


def stats_of(stats: dict[str, Any], newest: list[dict[str, Any]]) -> dict[str, Any]:
    """Return sums, given the newest run (or none) of those that are summed up. Seconds, dollars."""
    plain = dict(stats)
    latency: dict[str, Any] = plain.pop("latency") or _NONE
    first_token: dict[str, Any] = plain.pop("firstToken") or _NONE
    return plain | {
        "latency_p50": latency["p50"],
        "latency_p99": latency["p99"],
        "first_token_p50": first_token["p50"],
        "first_token_p99": first_token["p99"],
        "feedback_stats": feedback_stats(plain.pop("feedback")),
        "last_run_start_time": newest[0]["startTime"] if newest else None,
    }

"""How many runs a second are made durable over HTTP, next to SQLite alone with the same rows.

`python -m tests.benchmarks.ingest`. Rounds of both take turns, so that what else the machine does
falls on both. A round sends batches of 100 runs of about 3 KB as the SDK does, over a few
connections; then the rows that this made go, by executemany and one commit a batch, into a second
database with the same tables, indexes and pragmas.
"""

import http.client
import random
import sqlite3
import statistics
import sys
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import orjson

from tests.servers import serving

RUNS = 100
CLIENTS = 4
BOUNDARY = "ca2947ee1f9d4f0c8f0e4c0f4f5c6d7e"
TABLES = ("run", "run_payload", "run_tag", "run_metadata")
PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "cache_size=-65536")
WORDS = ("the", "quick", "brown", "fox", "jumps", "over", "a", "lazy", "dog", "in", "Paris")


def main(rounds: int = 5, batches: int = 20) -> dict[str, float]:
    """Measure, print a table, and return the median runs a second of each."""
    with TemporaryDirectory() as folder:
        served, alone = Path(folder, "served.db"), Path(folder, "alone.db")
        with serving("serve", f"sqlite:///{served}") as server:
            _copy_tables(served, alone)
            results = [_round(server.url, served, alone, batches) for _ in range(rounds)]
    medians = {
        "HTTP, /runs/multipart": statistics.median(http for http, _ in results),
        "sqlite3, executemany": statistics.median(raw for _, raw in results),
    }
    _print(medians, results, batches)
    return medians


def _round(url: str, served: Path, alone: Path, batches: int) -> tuple[float, float]:
    traces = [uuid.uuid4() for _ in range(batches)]
    bodies = [_body(trace) for trace in traces]
    began = time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as clients:
        list(clients.map(lambda at: _send(url, bodies[at::CLIENTS]), range(CLIENTS)))
    over_http = batches * RUNS / (time.perf_counter() - began)

    rows = list(_rows(served, traces))
    assert sum(len(batch["run"]) for batch in rows) == batches * RUNS
    return over_http, batches * RUNS / _insert(alone, rows)


def _send(url: str, bodies: list[bytes]) -> None:
    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}", "x-api-key": "any"}
    with closing(http.client.HTTPConnection(urlsplit(url).netloc)) as connection:
        for body in bodies:
            connection.request("POST", "/runs/multipart", body, headers)
            answer = connection.getresponse()
            told = answer.read()
            assert answer.status == 202, told
            assert b"refused" not in told, told


def _body(trace: uuid.UUID) -> bytes:
    """Return a batch of one trace: a root, chains under it, llm calls and tools under these."""
    begin = datetime.now(UTC) - timedelta(seconds=60)
    dotted: list[str] = []
    pieces: list[bytes] = []
    for at in range(RUNS):
        id = trace if at == 0 else uuid.uuid4()
        start = begin + timedelta(milliseconds=at * 10)
        above = dotted[(at - 1) // 4] if at else None
        segment = f"{start:%Y%m%dT%H%M%S%f}Z{id}"
        dotted.append(f"{above}.{segment}" if above else segment)
        run = {
            "id": id,
            "trace_id": trace,
            "parent_run_id": above[-36:] if above else None,
            "dotted_order": dotted[-1],
            "name": random.choice(WORDS),
            "run_type": ("chain", "llm", "tool", "llm")[at % 4],
            "start_time": start,
            "end_time": start + timedelta(milliseconds=5),
            "session_name": "benchmark",
            "tags": ["prod", "v2"],
        }
        pieces += [_part(f"post.{id}", run)]
        pieces += [_part(f"post.{id}.{name}", value) for name, value in _payloads().items()]
    return b"".join([*pieces, f"--{BOUNDARY}--\r\n".encode()])


def _payloads() -> dict[str, object]:
    usage = {"input_tokens": 27, "output_tokens": 13, "total_tokens": 40}
    return {
        "inputs": {"messages": [{"role": "user", "content": _text(160)}]},
        "outputs": {"choices": [{"message": {"content": _text(120)}}], "usage_metadata": usage},
        "events": [{"name": "new_token", "time": datetime.now(UTC)}],
        "extra": {
            "metadata": {
                "ls_provider": "openai",
                "ls_model_name": "gpt-4o-mini",
                "thread_id": f"thread {random.randrange(100)}",
                "revision_id": "rev-1.2.3",
                "usage_metadata": usage,
            },
            "runtime": {"sdk": "langsmith-py", "sdk_version": "0.15.0", "platform": "Linux"},
        },
        "serialized": {"name": "ChatOpenAI", "kwargs": {"template": _text(20)}},
    }


def _text(words: int) -> str:
    return " ".join(random.choices(WORDS, k=words))


def _part(name: str, value: object) -> bytes:
    sent = orjson.dumps(value)
    head = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n'
        f"Content-Type: application/json\r\nContent-Length: {len(sent)}\r\n\r\n"
    )
    return head.encode() + sent + b"\r\n"


def _copy_tables(served: Path, alone: Path) -> None:
    with closing(sqlite3.connect(served)) as one, closing(sqlite3.connect(alone)) as other:
        other.execute("PRAGMA journal_mode=WAL")
        schema = "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'"
        for (statement,) in one.execute(schema).fetchall():
            if "run_words" not in statement:  # the index of words makes its tables itself
                other.execute(statement)


def _rows(served: Path, traces: list[uuid.UUID]) -> Iterator[dict[str, list[tuple[object, ...]]]]:
    with closing(sqlite3.connect(served)) as connection:
        for trace in traces:
            yield {
                table: connection.execute(
                    f'SELECT * FROM "{table}" WHERE trace_id = ?', (trace.bytes,)
                ).fetchall()
                for table in TABLES
            }


def _insert(alone: Path, batches: list[dict[str, list[tuple[object, ...]]]]) -> float:
    with closing(sqlite3.connect(alone, isolation_level=None)) as connection:
        for pragma in PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
        began = time.perf_counter()
        for batch in batches:
            connection.execute("BEGIN IMMEDIATE")
            for table, rows in batch.items():
                if rows:
                    marks = ", ".join("?" * len(rows[0]))
                    connection.executemany(f'INSERT INTO "{table}" VALUES ({marks})', rows)
            connection.execute("COMMIT")
        return time.perf_counter() - began


def _print(medians: dict[str, float], results: list[tuple[float, float]], batches: int) -> None:
    size = len(_body(uuid.uuid4()))
    print(f"\n{len(results)} rounds of {batches} batches of {RUNS} runs, {size // RUNS} bytes each")
    print(f"{'runs a second':<24}{'median':>9}   each round")
    for at, (name, median) in enumerate(medians.items()):
        each = " ".join(f"{result[at]:>8,.0f}" for result in results)
        print(f"{name:<24}{median:>9,.0f}  {each}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

"""`rungraph export` and `rungraph import`: what goes out, what comes in, and what is said of it."""

import gzip
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import langsmith.schemas
import orjson
import pytest
import zstandard
from sqlalchemy import func, select

from db.arrivals import AttachmentArrival
from db.errors import ConflictError, InvalidError, NotFoundError
from db.store import Store
from db.tables import ATTACHMENT, FEEDBACK, IMPORTED_FILE, PROJECT, RUN, RUN_PAYLOAD
from graph import moving, packing
from graph.cli import main
from graph.exporting import outputs, runs
from graph.importing import files, sources
from graph.moving import ImpossibleError
from graph.settings import Settings
from tests.conftest import NOON
from tests.servers import HOME, RUNGRAPH, environ, serving

FOREIGN = {
    "id": "0b4bf6ce-3d3c-4a9f-8f34-0c8e3d4d5e6f",
    "name": "answer",
    "run_type": "llm",
    "start_time": "2026-01-01T12:00:00Z",
    "end_time": "2026-01-01T12:00:02Z",
    "trace_id": "0b4bf6ce-3d3c-4a9f-8f34-0c8e3d4d5e6f",
    "dotted_order": "20260101T120000000000Z0b4bf6ce-3d3c-4a9f-8f34-0c8e3d4d5e6f",
}


@pytest.fixture
def url(store: Store) -> str:
    return store._engine.url.render_as_string(hide_password=False).replace("+psycopg", "")


@pytest.fixture
def export(url) -> Callable[..., list[dict[str, Any]]]:
    """Export the store to a file; return its lines."""

    def export(path: Path, **options: Any) -> list[dict[str, Any]]:
        given = {"project": (), "where": None, "filter": None, "resume": False, **options}
        assert moving.export(Settings(db=url), str(path), **given) == 0
        return lines_of(path)

    return export


@pytest.fixture
def bring(url) -> Callable[..., int]:
    """Import files into the store; return the exit code."""

    def bring(*paths: Any, project: str | None = None, again: bool = False) -> int:
        return moving.import_(Settings(db=url), [str(path) for path in paths], project, again)

    return bring


@pytest.fixture
def target(tmp_path) -> Any:
    """Another, empty store: its URL, and how many rows it has of a table."""
    url = f"sqlite:///{tmp_path}/target.db"

    def rows(table: Any) -> list[Any]:
        store = Store.open(url)
        with store._engine.connect() as connection:
            found = connection.execute(select(table)).all()
        store.close()
        return list(found)

    def bring(*paths: Any, project: str | None = None, again: bool = False) -> int:
        return moving.import_(Settings(db=url), [str(path) for path in paths], project, again)

    return SimpleNamespace(url=url, rows=rows, bring=bring)


def lines_of(path: Path) -> list[dict[str, Any]]:
    with path.open("rb") as file:
        text = b"".join(p.text for p in packing.pieces(file, packing.packing_of_name(path.name)))
    return [orjson.loads(line) for line in text.splitlines()]


def names(lines: list[dict[str, Any]]) -> list[str]:
    return [line["name"] for line in lines if "name" in line]


def written(path: Path, *lines: Any) -> Path:
    texts = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
    path.write_bytes(b"".join(text + b"\n" for text in texts))
    return path


def count(store: Store, table: Any) -> int:
    with store._engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def payload(store: Store, column: str) -> Any:
    with store._engine.connect() as connection:
        return connection.scalar(select(RUN_PAYLOAD.c[column]))


def test_each_line_is_a_run_of_the_sdk(add, judge, attach, export, tmp_path):
    root = add("root", inputs={"q": 1}, tags=("a",), extra={"metadata": {"thread_id": "t"}})
    usage = {"prompt_tokens": 3, "completion_tokens": 1, "total_cost": 0.5}
    add("child", at=1, parent=root, run_type="llm", usage=usage, error="broken")
    judge(root, "right", score=1.0)
    attach(root, "a.bin", b"\0\xff")

    told = [langsmith.schemas.Run(**line) for line in export(tmp_path / "runs.jsonl")]

    assert [(run.name, run.status, run.total_tokens) for run in told] == [
        ("root", "success", 4),
        ("child", "error", 4),
    ]
    assert told[0].metadata == {"thread_id": "t"}
    assert str(told[1].total_cost) == "0.5"
    assert told[1].parent_run_ids == [root.id]


def test_the_oldest_run_comes_first_and_only_what_passes(add, export, tmp_path):
    for at in (2, 0, 1):
        add(f"run {at}", at=at, run_type="llm" if at else "tool", session_name=f"p{at}")

    def exported(name: str, **options: Any) -> list[str]:
        return names(export(tmp_path / name, **options))

    assert exported("all") == ["run 0", "run 1", "run 2"]
    assert exported("where", where='{"runType": {"eq": "llm"}}') == ["run 1", "run 2"]
    assert exported("filter", filter='eq(name, "run 1")') == ["run 1"]
    assert exported("project", project=["p0", "p2"]) == ["run 0", "run 2"]
    times = json.dumps({"startTime": {"gt": NOON.isoformat()}})
    assert exported("some", where=times, filter='neq(name, "run 1")', project=["p2"]) == ["run 2"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"where": '{"runTypes": 1}'}, "--where has invalid value: .* unknown field 'runTypes'"),
        ({"where": '{"id": {"eq": "x"}}'}, "'x'"),
        ({"where": "{"}, "--where is not JSON"),
        ({"filter": "eq(name)"}, "line 1, column 1"),
        ({"project": ["nobody"]}, "there is no project 'nobody'"),
        ({"resume": True}, "there is no .*new.jsonl"),
    ],
)
def test_what_can_not_be_asked_is_said_and_no_file_is_made(export, tmp_path, options, said):
    with pytest.raises((InvalidError, NotFoundError), match=said):
        export(tmp_path / "new.jsonl", **options)

    assert not list(tmp_path.glob("*.jsonl"))


def test_pages_and_reads_are_bounded(add, export, tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "_PAGE", 4)
    monkeypatch.setattr(runs, "_FEWEST", 1)
    monkeypatch.setattr(runs, "_ENOUGH", 1)
    sizes: list[int] = []
    some = runs._some
    monkeypatch.setattr(runs, "_some", lambda c, keys: (sizes.append(len(keys)), some(c, keys))[1])
    for at in range(9):
        add(f"run {at}", at=at)

    assert names(export(tmp_path / "runs.jsonl")) == [f"run {at}" for at in range(9)]
    assert sizes == [4, 2, 1, 1, 1]


def test_a_file_that_is_there_is_not_written_over(add, export, tmp_path):
    add("run")
    path = tmp_path / "runs.jsonl"
    export(path)

    with pytest.raises(ConflictError, match="is there already; --resume"):
        export(path)


@pytest.mark.parametrize("packed", ["", ".gz", ".zst"])
@pytest.mark.parametrize("cut", [0, 1, 40])
def test_an_export_goes_on_where_it_was_cut(add, export, tmp_path, monkeypatch, packed, cut):
    monkeypatch.setattr(outputs, "_MEMBER", 1)
    path = tmp_path / f"runs.jsonl{packed}"
    for at in range(3):
        add(f"run {at}", at=at, inputs={"text": "é" * 50})
    export(path)
    path.write_bytes(path.read_bytes()[: -cut or None])
    for at in range(3, 5):
        add(f"run {at}", at=at)

    assert names(export(path, resume=True)) == [f"run {at}" for at in range(5)]


def test_what_is_no_export_is_not_gone_on_with(add, export, tmp_path):
    add("run")
    other = written(tmp_path / "other.jsonl", b'{"id":"no run of ours"}')

    with pytest.raises(InvalidError, match="does not end as an export does"):
        export(other, resume=True)


def test_json_keeps_its_spaces_on_the_way(store, add, export, tmp_path, target):
    text = '{\n  "q": [1.0,\r\n 1e3]\n}'
    add("run", inputs=text, outputs='{"deep": ' + "[" * 1023 + "]" * 1023 + "}")
    path = tmp_path / "runs.jsonl"

    with pytest.raises(orjson.JSONDecodeError):  # one level deeper than the run's own JSON may be
        export(path)
    assert b'"inputs":{   "q": [1.0,   1e3] },' in path.read_bytes()
    assert target.bring(path) == 0

    (row,) = target.rows(RUN_PAYLOAD)
    assert row.inputs == text
    assert row.outputs == payload(store, "outputs")


def test_what_belongs_to_no_run_travels_too(store, client, export, tmp_path, target):
    client.post("/sessions", json={"name": "empty", "description": "nothing", "extra": {"a": 1}})
    project = client.post("/sessions", json={"name": "judged"}).json()["id"]
    client.post("/feedback", json={"key": "good", "session_id": project, "run_id": None})
    never = str(UUID(int=7))
    client.post("/feedback", json={"key": "odd", "trace_id": never, "run_id": never})
    path = tmp_path / "runs.jsonl"

    lines = export(path)

    assert all("id" not in line for line in lines)
    assert target.bring(path) == 0
    assert {row.name: row.description for row in target.rows(PROJECT)} == {
        "empty": "nothing",
        "judged": None,
    }
    assert len(target.rows(FEEDBACK)) == 2


def test_a_large_file_travels_in_parts(add, attach, export, tmp_path, target, monkeypatch):
    monkeypatch.setattr(runs, "_LARGE", 10)
    monkeypatch.setattr("db.files.PIECE", 7)
    monkeypatch.setattr(files, "_MOST_RUNS", 1)
    first, second = add("first"), add("second", at=1)
    attach(first, "large", b"0123456789abcdef")
    attach(second, "large", b"fedcba9876543210")
    attach(second, "small", b"x")
    path = tmp_path / "runs.jsonl"

    lines = export(path)
    assert [bool(line.get("id")) for line in lines] == [False] * 3 + [True] + [False] * 3 + [True]
    assert target.bring(path) == 0

    assert {(row.run_id, row.name): row.data for row in target.rows(ATTACHMENT)} == {
        (first.id, "large"): b"0123456789abcdef",
        (second.id, "large"): b"fedcba9876543210",
        (second.id, "small"): b"x",
    }


def test_parts_of_a_file_that_are_not_whole_are_named(
    add, attach, export, tmp_path, target, monkeypatch, capsys
):
    monkeypatch.setattr(runs, "_LARGE", 10)
    monkeypatch.setattr("db.files.PIECE", 7)
    attach(add("run"), "large", b"0123456789abcdef")
    path = tmp_path / "runs.jsonl"
    export(path)
    first, second, third, run = path.read_bytes().splitlines()

    assert target.bring(written(tmp_path / "gap.jsonl", first, third, run)) == 1
    told = capsys.readouterr().err
    assert "gap.jsonl:2: attachment: part 3 stands where part 2 is wanted" in told
    assert "gap.jsonl:3: attachment 'large' of run" in told
    assert target.bring(written(tmp_path / "anew.jsonl", first, first, second, third, run)) == 0
    assert target.rows(ATTACHMENT)[0].data == b"0123456789abcdef"


def test_a_file_whose_bytes_are_gone_is_named_and_left_out(store, url, add, keep, tmp_path, capsys):
    run = add("run")
    gone = AttachmentArrival(
        run_id=run.id,
        name="gone",
        mime_type="a/b",
        data=b"",
        object="no/where",
        size=3,
        digest=run.id,
    )
    keep(attachments=[gone])
    settings = Settings(db=url, attachments=f"file://{tmp_path}/files")
    path = tmp_path / "runs.jsonl"

    assert moving.export(settings, str(path), (), None, None, resume=False) == 1

    assert "left out: 'gone' of run" in capsys.readouterr().err
    assert names(lines_of(path)) == ["run"]


def test_a_dump_of_the_sdk_comes_in_with_its_children_and_files(store, bring, tmp_path, capsys):
    run = langsmith.schemas.Run(**FOREIGN, prompt_tokens=5, total_tokens=5, total_cost="0.01")
    child = langsmith.schemas.Run(
        id="11111111-3d3c-4a9f-8f34-0c8e3d4d5e6f",
        name="child",
        run_type="tool",
        start_time=NOON,
        parent_run_id=run.id,
        trace_id=run.id,
        total_tokens=0,
        prompt_tokens=0,
        completion_tokens=0,
    )
    run.child_runs = [child]
    run.attachments = {"note": ("text/plain", "é".encode())}
    path = tmp_path / "dump.jsonl"
    path.write_text(run.model_dump_json() + "\n\n")

    assert bring(path, project="old") == 0

    assert capsys.readouterr().out == f"{path}: 2 runs, 0 judgements, 1 files are in\n"
    with store._engine.connect() as connection:
        rows = {row.name: row for row in connection.execute(select(RUN))}
        (file,) = connection.execute(select(ATTACHMENT)).all()
        assert connection.scalar(select(PROJECT.c.name)) == "old"
    assert rows["answer"].own_total_tokens == 5
    assert rows["child"].parent_run_id == run.id
    assert rows["child"].own_total_tokens is None
    assert (file.name, file.mime_type, file.data) == ("note", "text/plain", "é".encode())


def test_bad_lines_are_named_and_the_rest_is_in(store, bring, tmp_path, capsys):
    bad = {**FOREIGN, "id": "22222222-3d3c-4a9f-8f34-0c8e3d4d5e6f"}
    path = written(
        tmp_path / "runs.jsonl",
        b"nonsense",
        FOREIGN,
        bad,
        {**bad, "dotted_order": None, "trace_id": None, "start_time": "noon"},
        {**FOREIGN, "trace_id": "33333333-3d3c-4a9f-8f34-0c8e3d4d5e6f", "dotted_order": None},
        {"rungraph": {"attachments": [{"name": "a", "mime_type": "b", "data": "?"}]}},
        {"rungraph": {"project": {"id": str(UUID(int=1)), "name": "p", "retention_days": -1}}},
        {**bad, "name": None},
        b"[" * 5000,
    )

    assert bring(path) == 1

    told = capsys.readouterr()
    assert told.out == f"{path}: 1 runs, 0 judgements, 0 files are in; 8 refused\n"
    said = told.err.splitlines()
    wanted = {
        1: "not JSON: expected '{' at byte 0",
        3: "dotted_order ends in 0b4bf6ce-3d3c-4a9f-8f34-0c8e3d4d5e6f, which is not the run's id",
        4: "start_time is 'noon'; expected an ISO 8601 time or an epoch number",
        5: "trace_id is 33333333-3d3c-4a9f-8f34-0c8e3d4d5e6f, but run",
        6: "expected name, mime_type and data in base64",
        7: "retention_days is -1; expected 0 to 36500",
        8: "name is missing",
        9: "not JSON",
    }
    assert len(said) == len(wanted)
    for line, (number, text) in zip(said, wanted.items(), strict=True):
        assert line.startswith(f"rungraph: {path}:{number}: ")
        assert text in line
    assert count(store, RUN) == 1


def test_only_so_many_bad_lines_are_named(bring, tmp_path, capsys):
    path = written(tmp_path / "runs.jsonl", *[b"{}"] * 130)

    assert bring(path) == 1

    said = capsys.readouterr().err.splitlines()
    assert len(said) == moving.MOST_TOLD + 1
    assert said[-1] == "rungraph: and 30 more"


def test_a_line_that_is_too_long_is_passed_over(bring, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sources, "LONGEST_LINE", 1000)
    path = written(tmp_path / "runs.jsonl", b"x" * 3000, FOREIGN)

    assert bring(path) == 1

    assert f"{path}:1: the line is too long to be held" in capsys.readouterr().err


@pytest.mark.parametrize("packed", ["", ".gz", ".zst"])
def test_an_import_goes_on_where_it_was_stopped(
    store, add, export, target, tmp_path, monkeypatch, capsys, packed
):
    for at in range(9):
        add(f"run {at}", at=at)
    path = tmp_path / f"runs.jsonl{packed}"
    export(path)
    monkeypatch.setattr(files, "_MOST_RUNS", 2)
    monkeypatch.setattr(files, "_BATCHES_A_MARK", 1)
    ingest, batches = Store.ingest, []

    async def broken(store: Store, batch: Any) -> Any:
        batches.append(len(batch.runs))
        if len(batches) == 3:
            raise InvalidError("the power went")
        return await ingest(store, batch)

    monkeypatch.setattr(Store, "ingest", broken)
    with pytest.raises(ImpossibleError, match="the power went"):
        target.bring(path)
    assert len(target.rows(RUN)) == 4

    assert target.bring(path) == 0

    assert len(target.rows(RUN)) == 9
    assert sum(batches) == 6 + 5
    (mark,) = target.rows(IMPORTED_FILE)
    assert (mark.lines, mark.done) == (9, True)
    capsys.readouterr()
    assert target.bring(path) == 0
    assert capsys.readouterr().out == f"{path}: is in already\n"
    assert target.bring(path, again=True) == 0
    assert "9 runs" in capsys.readouterr().out


def test_a_file_that_has_changed_is_brought_in_anew(bring, store, tmp_path):
    path = written(tmp_path / "runs.jsonl", FOREIGN)
    assert bring(path) == 0
    other = "44444444-3d3c-4a9f-8f34-0c8e3d4d5e6f"
    more = {**FOREIGN, "id": other, "trace_id": other, "dotted_order": None}
    written(path, FOREIGN, more)

    assert bring(path) == 0

    assert count(store, RUN) == 2


@pytest.mark.parametrize(
    "pack", [gzip.compress, zstandard.ZstdCompressor().compress], ids=["gzip", "zstd"]
)
def test_a_packed_file_that_breaks_off_gives_what_it_has(store, bring, tmp_path, capsys, pack):
    text = json.dumps(FOREIGN).encode() + b"\n"
    noise = os.urandom(100_000).hex().encode()
    path = tmp_path / "runs.jsonl"
    path.write_bytes(pack(text) + pack(noise)[:-50_000])

    assert bring(path) == 1

    assert count(store, RUN) == 1
    assert "breaks off before its end" in capsys.readouterr().err
    assert bring(path) == 1, "it is not done"


def test_files_are_known_by_how_they_begin(store, bring, tmp_path):
    text = json.dumps(FOREIGN).encode()
    hidden = tmp_path / "hidden.jsonl"
    hidden.write_bytes(gzip.compress(text))
    lying = tmp_path / "lying.gz"
    lying.write_bytes(text)

    assert bring(hidden) == 0
    assert count(store, RUN) == 1
    with pytest.raises(ImpossibleError, match=r"is named \.gz, but is not packed so"):
        bring(lying)


def test_an_import_that_can_not_be_done_ends_with_2(tmp_path, capsys):
    db = f"sqlite:///{tmp_path}/runs.db"

    assert main(["import", "--db", db, f"{tmp_path}/nothing.jsonl"]) == 2

    assert capsys.readouterr().err == f"rungraph: there is no file {tmp_path}/nothing.jsonl\n"


def test_lines_come_from_pipes_and_go_into_them(tmp_path):
    source, target = f"sqlite:///{tmp_path}/a.db", f"sqlite:///{tmp_path}/b.db"
    line = json.dumps(FOREIGN).encode()

    def rungraph(*arguments: str, sent: bytes) -> "subprocess.CompletedProcess[bytes]":
        return subprocess.run(
            [*RUNGRAPH, *arguments],
            cwd=HOME,
            env=environ(),
            input=sent,
            capture_output=True,
            check=False,
            timeout=60,
        )

    into = rungraph("import", "--db", source, "-", sent=zstandard.ZstdCompressor().compress(line))
    out = rungraph("export", "--db", source, sent=b"")
    again = rungraph("import", "--db", target, "-", sent=out.stdout)

    assert (into.returncode, into.stderr) == (0, b"")
    assert json.loads(out.stdout)["name"] == "answer"
    assert out.stderr == b"-: 1 runs, 0 judgements, 0 files\n"
    assert again.stdout == b"standard input: 1 runs, 0 judgements, 0 files are in\n"


def test_an_import_goes_into_a_store_that_is_served(tmp_path):
    path = written(tmp_path / "runs.jsonl", FOREIGN)
    url = f"sqlite:///{tmp_path}/runs.db"
    with serving("serve", url) as server:
        assert main(["import", "--db", url, str(path)]) == 0

        found = server.ask("{ runs { nodes { name } } }")
        assert found["runs"]["nodes"] == [{"name": "answer"}]


def test_there_is_a_bar_on_a_terminal_and_none_elsewhere(
    add, export, target, tmp_path, monkeypatch
):
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    add("run")
    export(tmp_path / "quiet.jsonl")
    seen = Terminal()
    monkeypatch.setattr("sys.stderr", seen)

    export(tmp_path / "loud.jsonl")
    target.bring(tmp_path / "loud.jsonl")

    assert "exporting [########################] 100% 1/1 runs" in seen.getvalue()
    assert "importing " in seen.getvalue()


def parquet_file(path: Path, columns: dict[str, list[Any]], **options: Any) -> Path:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(pyarrow.table(columns), path, **options)
    return path


def exported_rows(count: int) -> dict[str, list[Any]]:
    """Return the columns of LangSmith's bulk export, for roots."""
    ids = [str(UUID(int=0xA000 + number, version=4)) for number in range(count)]
    starts = [datetime(2026, 1, 1, 12, 0, number) for number in range(count)]  # noqa: DTZ001
    return {
        "id": ids,
        "tenant_id": [str(UUID(int=1))] * count,
        "is_root": [True] * count,
        "name": [f"run {number}" for number in range(count)],
        "start_time": starts,
        "end_time": [start + timedelta(seconds=1) for start in starts],
        "extra": ['{"metadata": {"a": "b"}}'] * count,
        "error": [None] * (count - 1) + ["broken"],
        "run_type": ["llm"] * count,
        "inputs": ['{"q":  1}'] * count,
        "outputs": [None] * count,
        "events": ["[]"] * count,
        "tags": [["x", "y"]] * count,
        "trace_id": ids,
        "parent_run_id": [None] * count,
        "parent_run_ids": [[]] * count,
        "feedback_stats": ["{}"] * count,
        "total_tokens": [7] * count,
        "prompt_tokens": [5] * count,
        "completion_tokens": [2] * count,
        "total_cost": [0.25] * count,
        "first_token_time": [None] * count,
        "trace_tier": ["shortlived"] * count,
    }


def test_a_bulk_export_of_langsmith_comes_in(store, bring, tmp_path, monkeypatch, capsys):
    session = "55555555-3d3c-4a9f-8f34-0c8e3d4d5e6f"
    columns = exported_rows(5)
    columns["name"][3] = None
    path = tmp_path / f"export_id=1/session_id={session}/runs/year=2026/part.parquet"
    parquet_file(path, columns, row_group_size=2)

    assert bring(path) == 1

    assert f"rungraph: {path}:4: name is missing" in capsys.readouterr().err
    with store._engine.connect() as connection:
        rows = connection.execute(select(RUN).order_by(RUN.c.start_time)).all()
        inputs = connection.scalar(select(RUN_PAYLOAD.c.inputs))
    assert [row.name for row in rows] == ["run 0", "run 1", "run 2", "run 4"]
    assert {str(row.session_id) for row in rows} == {session}
    assert rows[0].start_time == datetime(2026, 1, 1, 12, tzinfo=UTC)
    assert (rows[0].own_prompt_tokens, float(rows[0].own_total_cost)) == (5, 0.25)
    assert (json.loads(rows[0].tags), rows[3].status) == (["x", "y"], "error")
    assert inputs == '{"q":  1}'


def test_a_bulk_export_goes_on_and_comes_through_a_pipe(target, tmp_path, monkeypatch):
    path = parquet_file(tmp_path / "part.parquet", exported_rows(7), row_group_size=3)
    monkeypatch.setattr(files, "_MOST_RUNS", 2)
    monkeypatch.setattr(files, "_BATCHES_A_MARK", 1)
    store, batches = Store.ingest, []

    async def broken(self: Store, batch: Any) -> Any:
        batches.append(len(batch.runs))
        if len(batches) == 3:
            raise InvalidError("the power went")
        return await store(self, batch)

    monkeypatch.setattr(Store, "ingest", broken)
    with pytest.raises(ImpossibleError):
        target.bring(path)

    assert target.bring(path) == 0
    assert (sum(batches), len(target.rows(RUN))) == (6 + 3, 7)
    with path.open("rb") as file:
        monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=file))
        assert target.bring("-") == 0


def test_parquet_that_is_of_no_runs_is_refused(bring, tmp_path):
    path = parquet_file(tmp_path / "part.parquet", {"colour": ["red"]})

    with pytest.raises(ImpossibleError, match="has no column id; there are colour"):
        bring(path)


def test_without_pyarrow_it_is_said_what_to_install(bring, tmp_path, monkeypatch):
    (tmp_path / "part.parquet").write_bytes(b"PAR1....")
    monkeypatch.delitem(sys.modules, "graph.importing.parquet", raising=False)
    monkeypatch.delattr("graph.importing.parquet", raising=False)
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    with pytest.raises(ImpossibleError, match=r"pip install 'rungraph\[parquet\]'"):
        bring(tmp_path / "part.parquet")

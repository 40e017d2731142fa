"""Files come back as they were sent, in part if that is wanted, wherever they are kept."""

import asyncio
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from uuid import UUID

import pytest
import uvicorn
from sqlalchemy import delete, func, select, update
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.testclient import TestClient

from db import attachments, deletion, files, parking
from db.arrivals import AttachmentArrival, Batch
from db.errors import BusyError, ConflictError, InvalidError, UnavailableError
from db.objects import Objects
from db.store import Store, utc_now
from db.tables import ATTACHMENT, DISCARDED_OBJECT
from graph import tending
from graph.settings import SETTINGS, Settings
from graph.upkeep import _delete_discarded
from tests.telling import post

RUN = post(1)
DATA = bytes(range(256)) * 10
URL = "{ runs { nodes { attachments { name url size } } } }"


class S3(Starlette):
    """As much of S3 as is asked of it here; it checks no signatures."""

    def __init__(self) -> None:
        super().__init__()
        self.objects: dict[str, bytes] = {}
        self.add_route("/{path:path}", self.serve, methods=["GET", "HEAD", "PUT", "POST"])

    async def serve(self, request: Request) -> Response:
        key = unquote(request.path_params["path"]).removeprefix("bucket").lstrip("/")
        if request.query_params.get("list-type"):
            return Response(self.listed(request.query_params.get("prefix", "")))
        if request.method == "PUT":
            self.objects[key] = await request.body()
            return Response(headers={"etag": '"x"'})
        if request.method == "POST":
            gone = re.findall("<Key>(.*?)</Key>", (await request.body()).decode())
            for each in gone:
                self.objects.pop(each, None)
            told = "".join(f"<Deleted><Key>{each}</Key></Deleted>" for each in gone)
            return Response(f"<DeleteResult>{told}</DeleteResult>")
        found = self.objects.get(key)
        if found is None:
            return Response("<Error><Code>NoSuchKey</Code></Error>", 404)
        about = {"etag": '"x"', "last-modified": "Thu, 01 Jan 2026 12:00:00 GMT"}
        wanted = request.headers.get("range")
        if wanted is None:
            return Response(found, headers=about)
        start, end = map(int, wanted.removeprefix("bytes=").split("-"))
        about["content-range"] = f"bytes {start}-{end}/{len(found)}"
        return Response(found[start : end + 1], 206, headers=about)

    def listed(self, prefix: str) -> str:
        each = "".join(
            f"<Contents><Key>{key}</Key><Size>{len(data)}</Size><ETag>x</ETag>"
            "<LastModified>2026-01-01T12:00:00.000Z</LastModified></Contents>"
            for key, data in self.objects.items()
            if key.startswith(prefix)
        )
        return f"<ListBucketResult><IsTruncated>false</IsTruncated>{each}</ListBucketResult>"


@pytest.fixture(scope="module")
def s3_url() -> Iterator[str]:
    """The URL of a server of S3."""
    server = uvicorn.Server(uvicorn.Config(S3(), port=0, log_level="critical", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


OUTSIDE = ("file", "memory", "s3")
outside_only = pytest.mark.parametrize("objects", OUTSIDE, indirect=True)
in_a_folder = pytest.mark.parametrize("objects", ["file"], indirect=True)


@pytest.fixture(params=["database", *OUTSIDE])
def objects(request, tmp_path, monkeypatch) -> Objects | None:
    """Where files go."""
    match request.param:
        case "database":
            return None
        case "file":
            return Objects(f"file://{tmp_path}/files")
        case "memory":
            return Objects("memory:///")
        case _:
            endpoint = request.getfixturevalue("s3_url")
            told = {"ENDPOINT": endpoint, "ALLOW_HTTP": "true", "REGION": "us-east-1"}
            told |= {"ACCESS_KEY_ID": "a", "SECRET_ACCESS_KEY": "b"}
            for name, value in told.items():
                monkeypatch.setenv(f"AWS_{name}", value)
            return Objects(f"s3://bucket/{tmp_path.name}")


@pytest.fixture
def store(store: Store, objects: Objects | None) -> Store:
    store.objects = objects
    return store


def sent(name: str = "a.bin", data: bytes = DATA, run: Any = RUN) -> AttachmentArrival:
    return AttachmentArrival(run_id=run.id, name=name, mime_type="text/plain", data=data)


def ingest(store: Store, *files: AttachmentArrival, runs: Any = (RUN,)) -> Any:
    return asyncio.run(store.ingest(Batch(runs=runs, attachments=files)))


def count(store: Store, table: Any) -> int:
    with store._engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def keys(store: Store) -> set[str]:
    """Return the keys of all objects."""

    async def listed() -> set[str]:
        assert store.objects
        return {key async for some in store.objects.older(utc_now()) for key in some}

    time.sleep(0.002)  # folders tell times to the millisecond, of which "before" is asked
    return asyncio.run(listed())


def sweep(store: Store) -> None:
    asyncio.run(_delete_discarded(store))


@pytest.fixture
def load(store: Store, client: TestClient, ask) -> Any:
    """Store a file and load it with some headers."""
    ingest(store, sent())
    ((told,),) = [node["attachments"] for node in ask(URL)["runs"]["nodes"]]

    def load(method: str = "GET", **headers: str) -> Any:
        return client.request(
            method, told["url"], headers={k.replace("_", "-"): v for k, v in headers.items()}
        )

    return load


def test_a_file_comes_whole_piece_by_piece(load, store, monkeypatch):
    monkeypatch.setattr(files, "PIECE", 1000)
    whole = load()

    assert (whole.status_code, whole.content) == (200, DATA)
    assert whole.headers["content-length"] == str(len(DATA))
    assert whole.headers["accept-ranges"] == "bytes"
    assert whole.headers["content-type"].startswith("text/plain")
    with store._engine.connect() as connection:
        row = connection.execute(select(ATTACHMENT)).one()
    assert row.size == len(DATA)
    assert (row.data is None) == (store.objects is not None) == (row.object is not None)


@pytest.mark.parametrize(
    ("wanted", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=10-19", 10, 20),
        ("bytes = 2550 - ", 2550, 2560),
        ("bytes=-5", 2555, 2560),
        ("bytes=-99999", 0, 2560),
        ("bytes=2000-99999", 2000, 2560),
    ],
)
def test_a_range_is_answered_with_its_bytes(load, wanted, start, end):
    part = load(range=wanted)

    assert part.status_code == 206
    assert part.content == DATA[start:end]
    assert part.headers["content-range"] == f"bytes {start}-{end - 1}/{len(DATA)}"
    assert part.headers["content-length"] == str(end - start)


@pytest.mark.parametrize("wanted", ["bytes=2560-", "bytes=5000-6000", "bytes=-0"])
def test_a_range_beyond_the_end_is_refused(load, wanted):
    refused = load(range=wanted)

    assert refused.status_code == 416
    assert refused.headers["content-range"] == f"bytes */{len(DATA)}"


@pytest.mark.parametrize("wanted", ["bytes=9-5", "bytes=-", "lines=1-2", "bytes=0-1,4-5", "x"])
def test_what_is_no_single_range_is_answered_whole(load, wanted):
    assert (load(range=wanted).status_code, load(range=wanted).content) == (200, DATA)


def test_a_range_holds_only_for_the_file_it_was_asked_of(load):
    tag = load().headers["etag"]

    assert load(range="bytes=0-4", if_range=tag).status_code == 206
    assert load(range="bytes=0-4", if_range='"other"').status_code == 200
    unchanged = load(if_none_match=f'"x", W/{tag}')
    assert (unchanged.status_code, unchanged.content) == (304, b"")


def test_head_tells_of_a_file_and_reads_none_of_it(load, store, monkeypatch):
    monkeypatch.setattr("graph.attachments.pieces", None)

    about = load("HEAD", range="bytes=0-4")

    assert (about.status_code, about.content) == (200, b"")
    assert about.headers["content-length"] == str(len(DATA))


def test_an_empty_file_is_empty(store, client, ask):
    ingest(store, sent(data=b""))
    ((told,),) = [node["attachments"] for node in ask(URL)["runs"]["nodes"]]

    assert (client.get(told["url"]).content, told["size"]) == (b"", 0)
    assert client.get(told["url"], headers={"range": "bytes=0-"}).status_code == 416


def test_a_file_that_becomes_another_is_not_mixed_with_it(store):
    ingest(store, sent())
    with store._engine.connect() as connection:
        found = files.find_one(connection, RUN.id, RUN.id, "a.bin")
    assert found

    async def read() -> None:
        async for _ in files.pieces(store, found):
            pass

    with store._engine.begin() as connection:
        changed = {"digest": UUID(int=1), "object": found.object and "nobody/knows"}
        connection.execute(update(ATTACHMENT).values(**changed))
    if store.objects is None:
        with pytest.raises(ConflictError, match=r"'a.bin' has changed"):
            asyncio.run(read())
    else:
        asyncio.run(read())  # its own object is there until nobody wants it


@outside_only
def test_what_is_gone_or_out_of_reach_is_said(load, store, outside):
    store.objects = None
    refused = load()
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "UNAVAILABLE")
    assert "RUNGRAPH_ATTACHMENTS" in refused.json()["error"]["message"]

    store.objects = outside
    asyncio.run(outside.delete(list(keys(store))))
    assert load().status_code == 404


@pytest.fixture
def outside(objects: Objects | None) -> Objects:
    assert objects
    return objects


@outside_only
def test_a_file_sent_again_is_kept_once(store, outside):
    for _ in range(3):
        ingest(store, sent())
    assert count(store, DISCARDED_OBJECT) == 2

    sweep(store)

    assert count(store, DISCARDED_OBJECT) == 0
    with store._engine.connect() as connection:
        assert keys(store) == {connection.scalar(select(ATTACHMENT.c.object))}


@outside_only
def test_a_greater_file_takes_the_place_of_a_lesser(store, outside):
    ingest(store, sent(data=b"lesser"))
    ingest(store, sent(data=b"greater"))
    ingest(store, sent(data=b"less"))
    sweep(store)

    (key,) = keys(store)
    assert asyncio.run(outside.get(key, 0, 7)) == b"greater"


@outside_only
def test_files_go_with_their_traces(store, outside):
    ingest(store, sent(), sent("b.bin"))
    other = post(2)
    ingest(store, sent(run=other), runs=(other,))

    asyncio.run(deletion.delete_traces(store, [RUN.id]))
    sweep(store)

    with store._engine.connect() as connection:
        assert keys(store) == {connection.scalar(select(ATTACHMENT.c.object))}


@outside_only
def test_a_file_that_waits_too_long_for_its_run_goes(store, outside):
    waiting = ingest(store, sent(), runs=())
    assert (waiting.parked, len(keys(store))) == (1, 1)
    sweep(store)
    assert len(keys(store)) == 1

    with store._engine.begin() as connection:
        assert parking.age_out(connection, utc_now()) == 1
    sweep(store)

    assert not keys(store)


@outside_only
def test_a_file_that_waited_is_there_when_its_run_comes(store, outside, client, ask):
    ingest(store, sent(), runs=())
    ingest(store)

    ((told,),) = [node["attachments"] for node in ask(URL)["runs"]["nodes"]]
    assert client.get(told["url"]).content == DATA


@outside_only
def test_a_refused_file_leaves_nothing(store, outside):
    refused = ingest(store, sent("x" * 641), sent("kept"))
    assert len(refused.refused) == 1
    sweep(store)

    assert len(keys(store)) == 1


@outside_only
def test_a_full_lane_leaves_nothing(store, outside, monkeypatch):
    async def full(*_: Any) -> Any:
        raise BusyError("full")

    monkeypatch.setattr(Store, "_join", full)
    with pytest.raises(BusyError):
        ingest(store, sent())

    assert not keys(store)


@outside_only
def test_nothing_is_acknowledged_that_could_not_be_written(store, outside, monkeypatch):
    def broken(*_: Any, **__: Any) -> Any:
        raise OSError("no space left on device")

    monkeypatch.setattr(
        outside,
        "_obstore",
        type("O", (), {"put_async": broken, "exceptions": outside._obstore.exceptions}),
    )
    with pytest.raises(UnavailableError, match="no space left"):
        ingest(store, sent())

    assert count(store, ATTACHMENT) == 0


@outside_only
def test_where_one_file_fails_the_others_are_taken_back(store, outside, monkeypatch):
    put = Objects.put

    async def broken(self: Objects, key: str, data: bytes) -> None:
        if data == b"bad":
            raise UnavailableError("no space")
        await put(self, key, data)

    monkeypatch.setattr(Objects, "put", broken)
    with pytest.raises(UnavailableError, match="no space"):
        ingest(store, sent("a"), sent("b", b"bad"), sent("c"))

    assert not keys(store)


@outside_only
def test_what_a_killed_server_left_is_found(store, outside, tmp_path, capsys, monkeypatch):
    ingest(store, sent())
    asyncio.run(outside.put("nobody/knows", b"x"))
    monkeypatch.setattr(tending, "with_store", lambda _, work: asyncio.run(work(store)))
    monkeypatch.setattr(tending, "timedelta", lambda **_: utc_now() - utc_now())
    time.sleep(0.002)
    options: dict[str, Any] = {"payloads_only": False, "batch": 1, "files": True}
    settings = Settings(attachments=f"file://{tmp_path}/files")

    tending.prune(settings, dry_run=True, **options)
    assert len(keys(store)) == 2
    tending.prune(settings, dry_run=False, **options)

    with store._engine.connect() as connection:
        assert keys(store) == {connection.scalar(select(ATTACHMENT.c.object))}
    assert "1 files that are no run's are gone" in capsys.readouterr().out


@in_a_folder
def test_files_in_a_folder_are_on_the_disk_under_their_keys(store, outside, tmp_path):
    ingest(store, sent())

    (path,) = [each for each in Path(tmp_path, "files").rglob("*") if each.is_file()]
    assert path.read_bytes() == DATA
    assert path.parent.name == str(RUN.id)


@pytest.mark.parametrize("text", ["files", "file://host/folder", "s3://", "ftp://a/b", "file:///"])
def test_only_places_that_there_are_can_be_set(text):
    with pytest.raises(Exception, match=r"RUNGRAPH_ATTACHMENTS is .*allowed: file:///folder"):
        SETTINGS["attachments"].read(text)


def test_without_obstore_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "obstore", None)

    with pytest.raises(InvalidError, match=r"pip install 'rungraph\[objects\]'"):
        Objects("memory:///")


@outside_only
def test_deleting_what_is_gone_is_no_fault(store, outside):
    asyncio.run(outside.delete(["nobody/knows"]))
    with store._engine.begin() as connection:
        connection.execute(delete(DISCARDED_OBJECT))
        assert attachments.owned(connection, ["nobody/knows"]) == set()

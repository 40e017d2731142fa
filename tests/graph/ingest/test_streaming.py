"""Large multipart bodies are taken apart while they arrive, as they would be whole."""

import asyncio
import gzip
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select
from starlette.testclient import TestClient

from db.errors import BusyError
from db.objects import Objects, Writing
from db.store import Store, utc_now
from db.tables import ATTACHMENT, RUN
from graph.app import create_app
from graph.ingest import runs
from graph.ingest.multipart import Part, boundary_of, parts_of
from graph.ingest.problems import BodyProblem
from graph.ingest.streaming import Parts
from graph.ingest.unpacking import unpacking
from graph.settings import Settings
from graph.upkeep import _delete_discarded
from tests.graph.ingest import recorded
from tests.graph.ingest.sending import BOUNDARY, MULTIPART, OTHER, multipart, post
from tests.graph.ingest.sending import RUN as ID
from tests.graph.ingest.test_multipart import body, part, read

LARGE = bytes(range(256)) * 12_000
"""Three MiB."""


def cut(sent: bytes, places: list[int]) -> Iterator[bytes]:
    edges = [0, *sorted(place % (len(sent) + 1) for place in places), len(sent)]
    return (sent[start:end] for start, end in pairwise(edges))


def taken_apart(pieces: Iterator[bytes], boundary: bytes) -> list[Part]:
    finder, found = Parts(boundary), []
    for piece in pieces:
        for event in finder.some(piece):
            match event:
                case (name, kind):
                    found.append(Part(name, kind, b""))
                case bytes():
                    found[-1] = found[-1]._replace(content=found[-1].content + event)
    finder.end()
    return found


contents = st.lists(
    st.sampled_from([b"\r\n", b"--", b"ca2947ee1f", b"ca2947ee1", b"\r", b"x" * 50, b"{}"]),
    max_size=6,
).map(b"".join)


@given(
    st.lists(contents.filter(lambda sent: b"\r\n--ca2947ee1f" not in b"\r\n" + sent), max_size=4),
    st.lists(st.integers(0, 2000), max_size=8),
    st.sampled_from([b"", b"preamble\r\n", b"pre\r\n\r\n"]),
)
def test_parts_are_the_same_however_they_are_cut(sent, places, preamble):
    whole = preamble + body(*[(part(f"attachment.{n}"), each) for n, each in enumerate(sent)])

    found = taken_apart(cut(whole + b"epilogue\r\n--", places), b"ca2947ee1f")

    assert [tuple(each) for each in found] == read(whole)


def test_an_empty_part_may_share_its_line_with_the_boundary():
    sent = b"--B\r\nContent-Disposition: form-data; name=a\r\n\r\n--B\r\n" + (
        b"Content-Disposition: form-data; name=b\r\n\r\nx\r\n--B--"
    )

    for size in range(1, len(sent)):
        pieces = (sent[at : at + size] for at in range(0, len(sent), size))
        assert taken_apart(pieces, b"B") == list(parts_of(sent, b"B"))


@pytest.mark.skipif(not recorded.SCENARIOS, reason=recorded.MISSING)
def test_what_sdks_sent_is_taken_apart_in_the_same_way():
    count = 0
    for scenario in recorded.SCENARIOS:
        for request in recorded.requests_of(scenario):
            kind = request.headers.get("content-type", "")
            if request.path != "/runs/multipart" or not request.body:
                continue
            unpack = unpacking(request.headers.get("content-encoding", ""))
            pieces = [
                piece
                for at in range(0, len(request.body), 999)
                for piece in unpack.some(request.body[at : at + 999])
            ]
            unpack.end()
            boundary = boundary_of(kind)
            assert taken_apart(iter(pieces), boundary) == list(parts_of(b"".join(pieces), boundary))
            count += 1
    assert count > 10


@pytest.mark.parametrize(
    "sent", [b"", b"nothing", b"--B", b"--Bx\r\n", b"--B\r\nno end", b"-" * 99]
)
def test_what_breaks_off_is_refused(sent):
    with pytest.raises(BodyProblem, match="the multipart body"):
        taken_apart(iter([sent]), b"B")


@pytest.mark.parametrize("sent", [b"--B\r\n" + b"x" * 20_000, b"--B" + b" " * 20_000])
def test_heads_are_bounded(sent):
    with pytest.raises(BodyProblem, match="the multipart body"):
        list(Parts(b"B").some(sent))


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_broken_encodings_are_refused(encoding):
    pack = {"gzip": gzip.compress, "zstd": zstandard.ZstdCompressor().compress}[encoding]
    sent = pack(b"x" * 1000)
    assert b"".join(unpacking(encoding).some(sent + sent)) == b"x" * 2000
    unpack = unpacking(encoding)
    list(unpack.some(sent[:-5]))

    with pytest.raises(BodyProblem, match="breaks off"):
        unpack.end()
    with pytest.raises(BodyProblem, match="is broken"):
        list(unpacking(encoding).some(b"x" * 100))
    with pytest.raises(BodyProblem, match="allowed: identity, gzip, x-gzip, zstd"):
        unpacking("br")


@pytest.fixture
def client(store: Store) -> Iterator[TestClient]:
    """A client of a server whose requests may bring one MiB beside files, and files four."""
    store.objects = Objects("memory:///")
    told = Settings(ingest_max_bytes=1 << 20, attachment_max_bytes=4 << 20)
    with TestClient(create_app(told, store, upkeep=False)) as client:
        yield client


def send(client: TestClient, *parts: Any, encoding: str = "", sent: bytes | None = None) -> Any:
    """Send a body without its length."""
    whole = multipart(*parts) if sent is None else sent
    pack = {"": bytes, "gzip": gzip.compress, "zstd": zstandard.ZstdCompressor().compress}
    packed = pack[encoding](whole)
    headers = MULTIPART | ({"content-encoding": encoding} if encoding else {})
    pieces = (packed[at : at + 65_536] for at in range(0, len(packed), 65_536))
    return client.post("/runs/multipart", content=pieces, headers=headers)


def file(data: bytes, run: str = ID, name: str = "a.bin") -> tuple[str, bytes, str]:
    return f"attachment.{run}.{name}", data, "text/plain; length=3"


def keys(store: Store) -> set[str]:
    async def listed() -> set[str]:
        assert store.objects
        await _delete_discarded(store)
        return {key async for some in store.objects.older(utc_now()) for key in some}

    return asyncio.run(listed())


def kept(store: Store) -> list[Any]:
    with store._engine.connect() as connection:
        return list(connection.execute(select(ATTACHMENT)).all())


@pytest.mark.parametrize("encoding", ["", "gzip", "zstd"])
def test_a_large_file_goes_where_files_go_in_pieces(client, store, monkeypatch, encoding):
    sizes: list[int] = []
    write = Writing.write

    async def watched(self: Writing, piece: bytes) -> None:
        sizes.append(len(piece))
        await write(self, piece)

    monkeypatch.setattr(Writing, "write", watched)

    answer = send(client, (f"post.{ID}", post()), file(LARGE), encoding=encoding)

    assert (answer.status_code, answer.json()) == (202, {"message": "Runs batch ingested"})
    (row,) = kept(store)
    assert (row.size, row.mime_type, row.data) == (len(LARGE), "text/plain", None)
    assert asyncio.run(store.objects.get(row.object, 0, row.size)) == LARGE
    assert keys(store) == {row.object}
    if encoding == "gzip":  # the test's client sends the others in one piece
        assert max(sizes) < (1 << 20) + 100
    ((found,),) = [
        node["attachments"]
        for node in client.post(
            "/graphql", json={"query": "{ runs { nodes { attachments { url } } } }"}
        ).json()["data"]["runs"]["nodes"]
    ]
    assert client.get(found["url"]).content == LARGE


def test_small_bodies_are_read_whole(client, store, monkeypatch):
    monkeypatch.setattr(runs, "Body", None)
    sent = multipart((f"post.{ID}", post()), file(b"abc"), file(b"", name="empty"))

    assert client.post("/runs/multipart", content=sent, headers=MULTIPART).status_code == 202
    assert {(row.name, row.size) for row in kept(store)} == {("a.bin", 3), ("empty", 0)}


def test_small_files_of_a_large_body_are_written_together(client, store, monkeypatch):
    monkeypatch.setattr(Objects, "begin", None)
    small = [file(b"x" * size, name=f"{size}") for size in (0, 1, 1000)]

    assert send(client, (f"post.{ID}", post()), *small).status_code == 202

    assert {row.name: row.size for row in kept(store)} == {"0": 0, "1": 1, "1000": 1000}
    assert keys(store) == {row.object for row in kept(store)}


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ([file(LARGE * 2)], "RUNGRAPH_ATTACHMENT_MAX_BYTES"),
        ([file(LARGE), (f"post.{ID}", post(inputs={"x": "y" * (1 << 20)}))], "INGEST_MAX_BYTES"),
    ],
)
def test_bounds_hold_and_nothing_is_left(client, store, parts, code):
    refused = send(client, *parts)

    assert refused.status_code == 413
    assert code in refused.json()["detail"]
    assert keys(store) == set()


def test_a_body_that_breaks_off_leaves_nothing(client, store):
    whole = multipart((f"post.{ID}", post()), file(LARGE))

    for end in (-10, -1_000_000):
        refused = send(client, sent=whole[:end])
        assert (refused.status_code, refused.json()["error"]["code"]) == (422, "INVALID_MULTIPART")

    assert keys(store) == set()
    with store._engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(RUN)) == 0


def test_files_of_refused_runs_and_misnamed_ones_leave_nothing(client, store):
    answer = send(
        client,
        (f"post.{ID}", post()),
        (f"post.{OTHER}", post(OTHER, start_time="noon")),
        file(b"kept"),
        file(LARGE, OTHER),
        file(LARGE[:1000], "no-id"),
    )

    assert answer.status_code == 202
    assert [each["code"] for each in answer.json()["refused"]] == [
        "INVALID_ID",
        "INVALID_FIELD",
        "RUN_REFUSED",
    ]
    (row,) = kept(store)
    assert keys(store) == {row.object}


def test_a_full_lane_leaves_nothing(client, store, monkeypatch):
    async def full(*_: Any) -> Any:
        raise BusyError("full")

    monkeypatch.setattr(Store, "_join", full)
    assert send(client, (f"post.{ID}", post()), file(LARGE)).status_code == 503
    monkeypatch.undo()

    assert keys(store) == set()


def test_the_boundary_is_that_of_the_request(client):
    assert BOUNDARY in MULTIPART["content-type"]
    assert send(client, sent=b"--other\r\n\r\n").status_code == 422

"""Runs over HTTP: what is acknowledged is stored, what is wrong is answered so that it helps."""

import gzip
import json
from uuid import UUID

import pytest
import zstandard

from db.errors import BusyError, UnavailableError
from tests.graph.ingest.conftest import MAX_BYTES, wire_client
from tests.graph.ingest.sending import MULTIPART, OTHER, RUN, START, multipart, post

ENCODERS = {
    "identity": bytes,
    "gzip": gzip.compress,
    "zstd": lambda content: zstandard.ZstdCompressor().compress(content),
}
STORED = (
    "SELECT name, inputs, outputs, error, status FROM run JOIN run_payload USING (trace_id, id)"
)


@pytest.mark.parametrize("prefix", ["", "/api/v1"])
def test_info_has_every_key_the_sdk_needs(wire, prefix):
    info = wire.get(f"{prefix}/info").json()

    assert info["batch_ingest_config"] == {
        "use_multipart_endpoint": True,
        "size_limit": 100,
        "size_limit_bytes": 20 * 1024 * 1024,
        "scale_up_qsize_trigger": 1000,
        "scale_up_nthreads_limit": 16,
        "scale_down_nempty_trigger": 4,
    }
    assert info["instance_flags"] == {
        "zstd_compression_enabled": True,
        "gzip_body_enabled": True,
        "ch_query_enabled": True,
    }
    assert tuple(map(int, info["version"].split(".")[:2])) >= (0, 18)


@pytest.mark.parametrize("prefix", ["", "/api/v1"])
def test_a_run_is_posted_and_patched(wire, rows, prefix):
    posted = wire.post(f"{prefix}/runs", json=post(inputs={"a": 1}, outputs={}))
    patch = {"outputs": {"b": 2}, "end_time": 1795352043280}
    patched = wire.patch(f"{prefix}/runs/{RUN}", json=patch)

    assert (posted.status_code, posted.json()) == (202, {"message": "Run created"})
    assert (patched.status_code, patched.json()) == (202, {"message": "Run updated"})
    assert rows(STORED) == [
        {
            "name": "root",
            "inputs": '{"a":1}',
            "outputs": '{"b":2}',
            "error": None,
            "status": "success",
        }
    ]


def test_a_run_may_be_posted_to_its_own_url(wire, rows):
    sent = {name: value for name, value in post().items() if name != "id"}

    assert wire.post(f"/runs/{RUN}", json=sent).status_code == 202
    assert rows("SELECT id FROM run") == [{"id": UUID(RUN)}]


def test_a_batch_keeps_payloads_as_they_were_sent(wire, rows):
    inputs = '{"z": 1.10, "a": 1234567890123456789012345678901234567890}'
    document = json.dumps(post())[:-1] + f', "inputs": {inputs}, "outputs": {{"n": NaN}}}}'

    answer = wire.post("/runs/batch", content=f'{{"post": [{document}]}}')

    assert (answer.status_code, answer.json()) == (202, {"message": "Runs batch ingested"})
    (row,) = rows(STORED)
    assert (row["inputs"], row["outputs"]) == (inputs, '{"n": "NaN"}')


@pytest.mark.parametrize("encoding", ENCODERS)
@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("padding", [0, 100_000])
def test_multipart_comes_in_every_encoding(wire, rows, encoding, chunked, padding):
    body = multipart(
        (f"post.{RUN}", post()),
        (f"post.{RUN}.inputs", {"a": "x" * padding}),
        (f"post.{RUN}.error", "boom"),
        (f"attachment.{RUN}.img", b"\r\n--\x00", "image/png"),
    )
    sent = ENCODERS[encoding](body)
    content = (sent[at : at + 1000] for at in range(0, len(sent), 1000)) if chunked else sent
    headers = {**MULTIPART, "content-encoding": encoding}

    answer = wire.post("/runs/multipart", content=content, headers=headers)

    assert (answer.status_code, answer.json()) == (202, {"message": "Runs batch ingested"})
    (row,) = rows(STORED)
    assert (row["error"], row["status"], len(row["inputs"])) == ("boom", "error", padding + 8)
    assert rows("SELECT name, mime_type, size, data FROM attachment") == [
        {"name": "img", "mime_type": "image/png", "size": 5, "data": b"\r\n--\x00"}
    ]


def test_one_bad_run_is_refused_and_its_neighbours_are_kept(wire, rows):
    body = multipart((f"post.{RUN}", post(name=5)), (f"post.{OTHER}", post(OTHER)))

    answer = wire.post("/runs/multipart", content=body, headers=MULTIPART)

    assert (answer.status_code, answer.json()) == (
        202,
        {
            "message": "Runs batch ingested",
            "refused": [
                {
                    "id": RUN,
                    "code": "INVALID_FIELD",
                    "message": f"post.{RUN}: name is 5; expected text",
                }
            ],
        },
    )
    assert rows("SELECT id FROM run") == [{"id": UUID(OTHER)}]


def test_a_batch_of_which_nothing_is_kept_fails(wire, rows):
    answer = wire.post("/runs/batch", json={"post": [post(name=5), post(OTHER, name=6)]})

    told = answer.json()
    assert answer.status_code == 422
    assert told["error"]["code"] == "INVALID_FIELD"
    assert (
        told["detail"]
        == told["error"]["message"]
        == ("post[0]: name is 5; expected text (and 1 more)")
    )
    assert [each["id"] for each in told["refused"]] == [RUN, OTHER]
    assert rows("SELECT id FROM run") == []


def test_what_the_store_refuses_is_told_with_the_rest(wire):
    wire.post("/runs", json=post())
    elsewhere = post(trace_id=OTHER, dotted_order=f"{START}{OTHER}.{START}{RUN}")

    answer = wire.post("/runs/batch", json={"post": [elsewhere, post(OTHER, name=None)]})

    assert answer.status_code == 422
    assert {each["id"] for each in answer.json()["refused"]} == {RUN, OTHER}


@pytest.mark.parametrize(
    "path", ["/runs", "/runs/batch", "/runs/multipart", "/feedback", "/sessions"]
)
def test_a_body_that_is_too_large_is_refused_before_it_is_read(wire, path):
    def endless():
        while True:
            yield bytes(1000)

    declared = wire.post(
        path, content=endless(), headers={**MULTIPART, "content-length": "200000001"}
    )
    streamed = wire.post(
        path, content=bytes(MAX_BYTES + 1), headers={**MULTIPART, "content-length": ""}
    )

    for answer in (declared, streamed):
        assert answer.status_code == 413
        assert answer.json()["error"]["code"] == "TOO_LARGE"
        assert (
            f"{MAX_BYTES} bytes allowed (setting RUNGRAPH_INGEST_MAX_BYTES)"
            in answer.json()["detail"]
        )


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_a_bomb_is_refused(wire, encoding):
    headers = {**MULTIPART, "content-encoding": encoding}

    answer = wire.post("/runs/multipart", content=ENCODERS[encoding](bytes(10**8)), headers=headers)

    assert answer.status_code == 413


@pytest.mark.parametrize(
    ("headers", "content", "status", "code"),
    [
        ({"content-encoding": "zstd"}, b"no zstd", 422, "INVALID_ENCODING"),
        ({"content-encoding": "gzip"}, b"no gzip", 422, "INVALID_ENCODING"),
        ({"content-encoding": "br"}, b"", 415, "UNSUPPORTED_ENCODING"),
        ({}, multipart((f"post.{RUN}", post()))[:-5], 422, "INVALID_MULTIPART"),
        ({}, b"", 422, "INVALID_MULTIPART"),
        ({"content-type": "application/json"}, b"{}", 400, "BAD_REQUEST"),
    ],
)
def test_a_body_that_can_not_be_read_is_refused_with_the_reason(
    wire, headers, content, status, code
):
    answer = wire.post("/runs/multipart", content=content, headers={**MULTIPART, **headers})

    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert answer.json()["detail"] == answer.json()["error"]["message"]


def test_a_url_with_a_bad_id_is_refused(wire):
    answer = wire.patch("/runs/nonsense", json={})

    assert answer.status_code == 422
    assert answer.json()["detail"] == "patch: id is 'nonsense'; expected a UUID"


class FailingStore:
    """A store that fails, to see how that is answered."""

    def __init__(self, error):
        self.error = error

    async def ingest(self, batch):
        raise self.error


@pytest.mark.parametrize(
    ("error", "code"), [(BusyError("full"), "BUSY"), (UnavailableError("disk full"), "UNAVAILABLE")]
)
def test_a_store_that_can_not_write_now_asks_to_come_again(error, code):
    answer = wire_client(FailingStore(error)).post("/runs", json=post())

    assert (answer.status_code, answer.json()["error"]["code"]) == (503, code)
    assert answer.headers["retry-after"] == "1"


def test_a_bug_is_shown_by_an_id_only(caplog):
    answer = wire_client(FailingStore(RuntimeError("the secret"))).post("/runs", json=post())

    error = answer.json()["error"]
    assert answer.status_code == 500
    assert (error["code"], error["message"]) == ("INTERNAL", "internal error")
    assert "secret" not in answer.text
    assert error["id"] in caplog.text
    assert "the secret" in caplog.text


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", f"/runs/{RUN}/share"),
        ("GET", "/api/v1/datasets"),
        ("POST", "/otel/v1/metrics"),
        ("POST", "/api/v1/otel/v1/logs"),
    ],
)
def test_what_is_not_served_points_to_graphql(wire, method, path):
    answer = wire.request(method, path)

    assert answer.status_code == 404
    assert (
        answer.json()["detail"]
        == f"{method} {path} is not served. Rungraph answers queries at /graphql"
    )

"""Payloads come back as they were sent, whole, in parts, or as previews."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.conftest import run_id

BOTH_ENGINES = True

PAYLOADS = ("inputs", "outputs", "extra", "serialized")
BIG = 2**70 + 1
ODD = {
    "z": 1,
    "a": {"nested": [None, True, 1.5, -0.0, 1e22, {"b": 2, "a": 1}]},
    "big": BIG,
    "small": -(2**63),
    "": "empty key",
    "key.with.dots": [{'quote"d': "found"}],
    "text": 'Ünïcödé 漢字 🙂 \u2028 \t "quoted" back\\slash \x7f',
}


@pytest.fixture
def told(ask: Callable[..., Any]) -> Callable[[str], Any]:
    """Ask one thing of the run called `run`."""
    query = "query($id: ID!) {{ run(id: $id) {{ found: {} }} }}"
    return lambda field: ask(query.format(field), id=run_id("run"))["run"]["found"]


@pytest.fixture
def raw(client: TestClient) -> Callable[[str], str]:
    """Ask one thing of the run called `run`; return the text of the answer."""

    def raw(field: str) -> str:
        query = f'{{ run(id: "{run_id("run")}") {{ found: {field} }} }}'
        text = client.post("/graphql", json={"query": query}).text
        prefix = '{"data":{"run":{"found":'
        assert text.startswith(prefix)
        return text.removeprefix(prefix).rpartition("}},")[0]

    return raw


@pytest.mark.parametrize("field", PAYLOADS)
def test_a_payload_comes_back_byte_for_byte(
    add: Callable[..., Any], raw: Callable[[str], str], field: str
):
    sent = json.dumps(ODD, ensure_ascii=False)
    add("run", **{field: sent})

    assert raw(field) == sent


def test_events_come_back_byte_for_byte(add: Callable[..., Any], raw: Callable[[str], str]):
    sent = [ODD, {"name": "new_token", "z": 1, "a": BIG}]
    add("run", events=json.dumps(sent, ensure_ascii=False))

    assert json.loads(raw("events")) == sent
    assert raw("events").index('"z":') < raw("events").index('"a":')


def test_metadata_keeps_key_order_big_numbers_and_unicode(
    add: Callable[..., Any], raw: Callable[[str], str]
):
    add("run", extra={"runtime": {}, "metadata": ODD})

    found = json.loads(raw("metadata"))

    assert found == ODD
    assert list(found) == list(ODD)
    assert ODD["text"][:12] in raw("metadata")


@pytest.mark.parametrize("field", PAYLOADS)
def test_what_was_not_sent_is_null(add: Callable[..., Any], told: Callable[[str], Any], field: str):
    add("run")

    assert told(field) == ({} if field == "inputs" else None)


@pytest.mark.parametrize(
    ("extra", "metadata", "revision"),
    [
        (None, {}, None),
        ({}, {}, None),
        ({"metadata": None}, {}, None),
        ({"metadata": {}}, {}, None),
        ({"metadata": []}, {}, None),
        ({"metadata": "text"}, {}, None),
        ([], {}, None),
        ({"metadata": {"revision_id": None}}, {"revision_id": None}, None),
        ({"metadata": {"revision_id": "v1-5-gabc-dirty"}}, ..., "v1-5-gabc-dirty"),
        ({"metadata": {"revision_id": run_id("x")}}, ..., run_id("x")),
        ({"metadata": {"revision_id": ""}}, ..., ""),
        ({"metadata": {"revision_id": 5}}, ..., "5"),
        ({"metadata": {"revision_id": BIG}}, ..., str(BIG)),
        ({"metadata": {"revision_id": 1.5}}, ..., "1.5"),
        ({"metadata": {"revision_id": True}}, ..., "true"),
        ({"metadata": {"revision_id": {"b": 1, "a": "é"}}}, ..., '{"b":1,"a":"é"}'),
        ({"metadata": {"revision_id": ["x", None]}}, ..., '["x",null]'),
    ],
)
def test_metadata_and_revision_of_odd_shapes(
    add: Callable[..., Any], told: Callable[[str], Any], extra: Any, metadata: Any, revision: Any
):
    add("run", **({} if extra is None else {"extra": extra}))

    assert told("metadata") == (extra["metadata"] if metadata is ... else metadata)
    assert told("revisionId") == revision


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([{"name": "start"}, {"name": "end"}], [{"name": "start"}, {"name": "end"}]),
        ([{"name": None}], [{"name": None}]),
        ([{"name": "start"}, None, "text", 5, []], [{"name": "start"}, "text", 5, []]),
        ([[None]], [[None]]),
        ({"name": "alone"}, [{"name": "alone"}]),
        (' [ {"name": "spaced"} ] ', [{"name": "spaced"}]),
    ],
)
def test_events_of_odd_shapes(
    add: Callable[..., Any], told: Callable[[str], Any], events: Any, expected: Any
):
    add("run", events=events)

    assert told("events") == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("", ODD),
        ("z", 1),
        ("a.nested[1]", True),
        ("a.nested[0]", None),
        ("a.nested[5].b", 2),
        ('a["nested"][5]["a"]', 1),
        ('["a"].nested[2]', 1.5),
        ("big", BIG),
        ('["key.with.dots"][0]["quote\\"d"]', "found"),
        ('["text"]', ODD["text"]),
        ('[""]', "empty key"),
        ("a.nested[6]", None),
        ("a.nested.b", None),
        ("a[0]", None),
        ("z.deeper[3]", None),
        ("nothing", None),
        ("text[0]", None),
    ],
)
def test_what_stands_at_a_path(
    add: Callable[..., Any], told: Callable[[str], Any], path: str, expected: Any
):
    add("run", inputs=ODD, outputs=ODD, extra={"metadata": ODD})

    for field in ("inputsAt", "outputsAt", "metadataAt"):
        assert told(f"{field}(path: {json.dumps(path)})") == expected


def test_a_path_keeps_key_order_and_unicode(add: Callable[..., Any], raw: Callable[[str], str]):
    add("run", inputs={"outer": ODD})

    assert list(json.loads(raw('inputsAt(path: "outer")'))) == list(ODD)
    assert "漢字" in raw('inputsAt(path: "outer.text")')


@pytest.mark.parametrize("field", ["inputsAt", "outputsAt", "metadataAt"])
def test_nothing_stands_where_nothing_was_sent(
    add: Callable[..., Any], told: Callable[[str], Any], field: str
):
    add("run")

    assert told(f'{field}(path: "a.b[0]")') is None


@pytest.mark.parametrize(
    ("path", "place"),
    [
        (".a", 1),
        ("a.", 2),
        ("a..b", 2),
        ("a[", 2),
        ("a[]", 2),
        ("a[-1]", 2),
        ("a[1", 2),
        ("a[x]", 2),
        ("a[1]b", 5),
        ('a"b', 2),
        ('["a]', 1),
        ('["\\x"]', 1),
        ('["a"]["\\"]', 6),
        ("a[99999999999]", 2),
        ("a[٣]", 2),
    ],
)
def test_a_path_that_can_not_be_read_is_refused_where_it_goes_wrong(
    add: Callable[..., Any], answer: Callable[..., Any], path: str, place: int
):
    add("run", inputs={}, outputs={})
    told = f"(path: {json.dumps(path)})"

    found = answer(
        f"{{ runs {{ nodes {{ name inputsAt{told} metadataAt{told} outputsPreview{told} {{ text }}"
        " } } }"
    )

    (node,) = found["data"]["runs"]["nodes"]
    assert node == {"name": "run", "inputsAt": None, "metadataAt": None, "outputsPreview": None}
    assert len(found["errors"]) == 3
    for error in found["errors"]:
        assert error["message"].startswith(f"path {path!r} is wrong at character {place}; as in")
        assert error["extensions"]["code"] == "BAD_USER_INPUT"


@pytest.mark.parametrize("path", ["a\0", '["\\u0000"]', '["\\ud800"]'])
def test_a_path_no_stored_key_can_have_is_refused(
    add: Callable[..., Any], answer: Callable[..., Any], path: str
):
    add("run", inputs={})
    asked = json.dumps(path)

    found = answer(
        f"{{ runs {{ nodes {{ inputsAt(path: {asked}) }} }}"
        f" runStats(groupBy: [{{metadata: {asked}}}]) {{ bucket }} }}"
    )

    assert found["data"] == {"runs": {"nodes": [{"inputsAt": None}]}, "runStats": None}
    for error in found["errors"]:
        assert "has a NUL or half a surrogate pair" in error["message"]
        assert error["extensions"]["code"] == "BAD_USER_INPUT"


def test_too_long_a_path_is_refused(add: Callable[..., Any], answer: Callable[..., Any]):
    add("run")

    found = answer(f'{{ runs {{ nodes {{ inputsAt(path: "{"a" * 1025}") }} }} }}')

    assert found["errors"][0]["message"] == "path has 1025 characters; at most 1024"


PREVIEW = "{ text truncated bytes }"


@pytest.mark.parametrize("most", [0, 1, 12, 13, 14, 15, 16, 17, 18, 300, 65536])
def test_a_preview_is_cut_at_a_whole_character(
    add: Callable[..., Any], told: Callable[[str], Any], most: int
):
    sent = '{"a": "12345é漢🙂"}'
    add("run", inputs=sent, outputs=sent)

    raw = sent.encode()
    for field in ("inputs", "outputs"):
        assert told(f"{field}Preview(maxBytes: {most}) {PREVIEW}") == {
            "text": raw[:most].decode(errors="ignore"),
            "truncated": most < len(raw),
            "bytes": len(raw),
        }


def test_a_preview_shows_300_bytes_unless_told_otherwise(
    add: Callable[..., Any], told: Callable[[str], Any]
):
    add("run", inputs={"text": "x" * 1000})

    found = told(f"inputsPreview {PREVIEW}")

    assert found == {"text": '{"text": "' + "x" * 290, "truncated": True, "bytes": 1012}


def test_a_preview_of_a_path_is_of_what_stands_there(
    add: Callable[..., Any], told: Callable[[str], Any]
):
    add("run", inputs={"messages": [{"content": "Grüße an alle"}]}, outputs={"n": [1, 2, 3]})

    assert told(f'inputsPreview(path: "messages[0].content", maxBytes: 4) {PREVIEW}') == {
        "text": '"Gr',
        "truncated": True,
        "bytes": 17,
    }
    assert told(f'outputsPreview(path: "n") {PREVIEW}') == {
        "text": "[1,2,3]",
        "truncated": False,
        "bytes": 7,
    }
    assert told(f'inputsPreview(path: "nothing") {PREVIEW}') is None


def test_there_is_no_preview_of_what_was_not_sent(
    add: Callable[..., Any], told: Callable[[str], Any]
):
    add("run")

    assert told(f"outputsPreview {PREVIEW}") is None
    assert told(f'outputsPreview(path: "a") {PREVIEW}') is None


@pytest.mark.parametrize("most", [-1, 65537])
def test_a_preview_has_bounds(add: Callable[..., Any], answer: Callable[..., Any], most: int):
    add("run")

    found = answer(f"{{ runs {{ nodes {{ inputsPreview(maxBytes: {most}) {{ text }} }} }} }}")

    assert found["data"] == {"runs": {"nodes": [{"inputsPreview": None}]}}
    assert found["errors"][0]["message"] == f"maxBytes is {most}; at least 0, at most 65536"


def test_numbers_beyond_every_float_do_not_break_their_neighbours(
    add: Callable[..., Any], raw: Callable[[str], str], told: Callable[[str], Any]
):
    add("run", inputs='{"huge": 1e400, "a": 1}', extra='{"metadata": {"huge": 1e400, "a": 1}}')

    assert raw("inputs") == '{"huge": 1e400, "a": 1}'
    assert told('inputsAt(path: "a")') == 1
    assert told("metadata") == {"huge": None, "a": 1}


def test_deeply_nested_json_comes_back(add: Callable[..., Any], raw: Callable[[str], str]):
    deep = '{"metadata":' + '{"a":' * 300 + "1" + "}" * 301
    add("run", inputs=deep, extra=deep)

    assert raw("inputs") == deep
    assert raw("metadata") == deep[len('{"metadata":') : -1]


def test_several_parts_of_several_payloads_are_told_together(
    add: Callable[..., Any], ask: Callable[..., Any]
):
    for at in range(3):
        add(f"run{at}", at=at, inputs={"n": at, "m": [at]}, extra={"metadata": {"k": at}})

    found = ask(
        """{ runs { nodes { name n: inputsAt(path: "n") m: inputsAt(path: "m[0]")
           k: metadataAt(path: "k") inputs metadata p: inputsPreview { bytes } } } }"""
    )["runs"]["nodes"]

    assert found == [
        {
            "name": f"run{at}",
            "n": at,
            "m": at,
            "k": at,
            "inputs": {"n": at, "m": [at]},
            "metadata": {"k": at},
            "p": {"bytes": 18},
        }
        for at in (2, 1, 0)
    ]

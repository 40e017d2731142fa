"""What the server works out from what a run carried."""

import json
from typing import Any
from uuid import UUID

import pytest

from tests.telling import Book, at, id_of, patch, post

ODD = ["null", "[]", '"text"', "3", "true", '{"metadata": 3}', '{"metadata": ["a"]}']


def meta(**metadata: Any) -> str:
    return json.dumps({"metadata": metadata})


def test_a_run_is_pending_until_it_ends_and_an_error_outranks_an_end(book: Book):
    run = post(1)
    book.tell(run)
    assert book.run(run)["status"] == "pending"

    book.tell(patch(run, end_time=at(9)))
    assert book.run(run)["status"] == "success"

    book.tell(patch(run, error="broken"))
    assert book.run(run)["status"] == "error"


def test_latency_may_be_negative(book: Book):
    book.tell(post(5, end_time=at(2.5)))

    assert book.run(post(5))["latency"] == -2.5


@pytest.mark.parametrize(
    "time", ['"2026-03-01T12:00:02Z"', '"2026-03-01T13:00:02+01:00"', "1772366402", "1772366402000"]
)
def test_the_first_token_is_the_first_new_token_event(book: Book, time: str):
    first = f'{{"name": "new_token", "time": {time}}}'
    book.tell(post(1, events=f'[3, {{"name": "start"}}, {first}, {{"name": "new_token"}}]'))

    run = book.run(post(1))
    assert run["first_token_time"] == at(2)
    assert run["time_to_first_token"] == 1.0


@pytest.mark.parametrize("time", ['"noon"', "null", "true", "1e300", "{}"])
def test_a_first_token_at_no_moment_is_not_there(book: Book, time: str):
    book.tell(post(1, events=f'[{{"name": "new_token", "time": {time}}}]'))

    assert book.run(post(1))["first_token_time"] is None


@pytest.mark.parametrize(
    ("extra", "inputs", "model"),
    [
        (meta(ls_model_name="a"), '{"model": "b"}', "a"),
        ("{}", '{"model": "b", "model_name": "c"}', "b"),
        ("{}", '{"model_name": "c"}', "c"),
        ('{"invocation_params": {"model": "d"}}', '{"x": 1}', "d"),
        (meta(ls_model_name=3), '{"model": ["b"]}', None),
        *[(odd, odd, None) for odd in ODD],
    ],
)
def test_the_model_is_named_by_metadata_then_inputs(
    book: Book, extra: str, inputs: str, model: str | None
):
    book.tell(post(1, extra=extra, inputs=inputs))

    assert book.run(post(1))["model"] == model


@pytest.mark.parametrize(
    ("metadata", "thread"),
    [
        ({"session_id": "a", "conversation_id": "b", "thread_id": "c"}, "a"),
        ({"conversation_id": "b", "thread_id": "c"}, "b"),
        ({"thread_id": 7}, "7"),
        ({"session_id": {"a": 1}, "thread_id": "c"}, "c"),
        ({"thread_id": "x" * 300}, None),
        ({}, None),
    ],
)
def test_the_thread_is_in_the_metadata(book: Book, metadata: dict[str, Any], thread: str | None):
    book.tell(post(1, extra=meta(**metadata)))

    assert book.run(post(1))["thread_id"] == thread


def test_a_manifest_is_named_by_what_was_serialized_whatever_the_order_of_its_keys(book: Book):
    book.tell(post(1, serialized='{"a": 1, "b": 2}'), post(2, serialized='{"b":2,"a":1}'))
    book.tell(post(3, serialized='{"a": 1}', manifest_id=id_of(70)), post(4))

    first, second, sent, none = (book.run(post(each))["manifest_id"] for each in (1, 2, 3, 4))
    assert isinstance(first, UUID)
    assert first == second
    assert (sent, none) == (id_of(70), None)


def test_what_is_nested_too_deeply_has_no_manifest(book: Book):
    deep = '{"a":' * 300 + "1" + "}" * 300
    book.tell(post(1, serialized=deep, extra=deep, outputs=deep))

    assert book.run(post(1))["manifest_id"] is None


def test_tags_and_scalars_of_metadata_are_indexed(book: Book):
    metadata = {"s": "x", "n": 1.5, "b": True, "none": None, "list": [1], "long": "x" * 255}
    book.tell(post(1, tags=("a", "b", "a", "x" * 257), extra=meta(**metadata)))

    assert [row["tag"] for row in book.rows("run_tag")] == ["a", "b"]
    pairs = {row["key"]: row["value"] for row in book.rows("run_metadata")}
    assert pairs == {"s": '"x"', "n": "1.5", "b": "true"}
    assert json.loads(book.run(post(1))["tags"]) == ["a", "b", "a", "x" * 257]


def test_indexed_rows_that_no_longer_hold_are_removed(book: Book):
    book.tell(post(1, tags=("a", "b"), extra=meta(kept=1, changed=1, gone=1)))
    book.tell(patch(post(1), tags=("b", "c"), extra=meta(kept=1, changed=2)))

    assert [row["tag"] for row in book.rows("run_tag")] == ["b", "c"]
    pairs = {row["key"]: row["value"] for row in book.rows("run_metadata")}
    assert pairs == {"kept": "1", "changed": "2"}


def test_a_patched_start_moves_the_indexed_rows(book: Book):
    book.tell(post(1, tags=("a",), extra=meta(n=1)))
    book.tell(patch(post(1), start_time=at(40)))

    assert [row["start_time"] for row in book.rows("run_tag")] == [at(40)]
    assert [row["start_time"] for row in book.rows("run_metadata")] == [at(40)]


@pytest.mark.parametrize("odd", [*ODD, '{"metadata": null}', "not json", '"\\ud800"'])
def test_json_of_any_shape_is_kept_as_it_came(book: Book, odd: str):
    names = ("inputs", "outputs", "extra", "events", "serialized", "usage")
    outcome = book.tell(post(1, run_type="llm", **dict.fromkeys(names, odd)))

    assert outcome.refused == ()
    assert {book.payload(post(1))[name] for name in names} == {odd}


def test_usage_of_odd_shapes_is_not_there(book: Book):
    odd: list[Any] = [3, [], "x", {"input_tokens": "many"}, {"input_tokens": 2**70}]
    runs = [
        post(number, run_type="llm", outputs=json.dumps({"usage_metadata": each}))
        for number, each in enumerate(odd, 1)
    ]
    shapes = ({"generations": 3}, {"generations": [3, [4, {"message": "usage_metadata"}]]})
    runs += [
        post(10 + number, run_type="llm", outputs=json.dumps({**each, "llm_output": "token_usage"}))
        for number, each in enumerate(shapes)
    ]

    book.tell(*runs)

    assert {row["own_total_tokens"] for row in book.rows("run")} == {None}

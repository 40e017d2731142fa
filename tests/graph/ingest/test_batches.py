"""What a body says becomes arrivals; what is wrong is refused by name and its neighbours kept."""

import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

import orjson
import pytest

from graph.ingest import envelopes
from graph.ingest.batches import sort
from graph.ingest.problems import BodyProblem
from tests.graph.ingest.sending import BOUNDARY, OTHER, RUN, START, multipart, post

NOW = datetime(2026, 11, 22, tzinfo=UTC)
FEEDBACK = "01a2033f-0bba-70a9-ba89-8f5074c2c533"


def sent(*parts):
    return sort(envelopes.multipart(multipart(*parts), BOUNDARY.encode()), 7, NOW)


def batch(**lists):
    return sort(envelopes.batch(orjson.dumps(lists)), 7, NOW)


def one(document, id=None, *, is_post=True):
    body = document if isinstance(document, bytes) else orjson.dumps(document)
    return sort(envelopes.one(body, label="post", id=id, post=is_post), len(body), NOW)


def the_run(found):
    assert found.refused == ()
    (run,) = found.batch.runs
    return run


def the_refusal(found):
    (refusal,) = found.refused
    return refusal


def test_a_post_becomes_an_arrival():
    parent = "01a2033c-b8aa-716f-8e86-2041a674e27c"
    run = the_run(
        one(
            post(
                trace_id=parent,
                parent_run_id=parent,
                dotted_order=f"{START}{parent}.{START}{RUN}",
                session_id=OTHER,
                end_time="2026-11-22T13:30:41+01:00",
                error="boom",
                reference_example_id=OTHER,
                tags=["a", 1, {"b": 2}],
                app_path="/x",
                manifest_id=OTHER,
                in_dataset=True,
                something_else={"a": 1},
                inputs={"a": 1},
                serialized=None,
            )
        )
    )

    assert (run.id, run.post, run.trace_id, run.parent_run_id) == (
        UUID(RUN), True, UUID(parent), UUID(parent),
    )  # fmt: skip
    assert run.dotted_order == f"{START}{parent}.{START}{RUN}"
    assert (run.name, run.run_type, run.session_name) == ("root", "chain", "fixture-project")
    assert run.start_time == datetime(2026, 11, 22, 12, 30, 40, 875018, UTC)
    assert run.end_time == datetime(2026, 11, 22, 12, 30, 41, tzinfo=UTC)
    assert run.end_time.utcoffset() == timedelta(0)
    assert (run.error, run.tags, run.app_path, run.in_dataset) == (
        "boom", ("a", "1", '{"b":2}'), "/x", True,
    )  # fmt: skip
    assert run.session_id == run.reference_example_id == run.manifest_id == UUID(OTHER)
    assert (run.inputs, run.outputs, run.serialized, run.usage) == ('{"a":1}', None, None, None)


def test_out_of_line_parts_belong_to_their_run_in_any_order():
    found = sent(
        (f"post.{RUN}.inputs", b'{"b": 1,  "a": 2}'),
        (f"post.{OTHER}", post(OTHER)),
        (f"post.{RUN}", post(inputs={"over": "ruled"})),
        (f"post.{RUN}.outputs", b"null"),
        (f"post.{RUN}.error", b'"boom"'),
        (f"post.{OTHER}.error", b'{"code": 1.0}'),
        (f"post.{OTHER}.events", b"[]"),
    )

    run, other = found.batch.runs
    assert (run.id, run.inputs, run.outputs, run.error) == (
        UUID(RUN),
        '{"b": 1,  "a": 2}',
        None,
        "boom",
    )
    assert (other.id, other.error, other.events) == (UUID(OTHER), '{"code": 1.0}', "[]")


def test_a_post_and_patches_of_a_run_in_one_body_are_told_apart():
    found = sent(
        (f"post.{RUN}", post()),
        (f"post.{RUN}.outputs", {}),
        (f"patch.{RUN}", {"id": RUN}),
        (f"patch.{RUN}.outputs", {"n": 1}),
        (f"patch.{RUN}", {"id": RUN}),
        (f"patch.{RUN}.outputs", {"n": 2}),
    )

    told = [(run.post, run.outputs) for run in found.batch.runs]
    assert told == [(True, "{}"), (False, '{"n":1}'), (False, '{"n":2}')]


def test_payloads_of_a_json_body_stay_as_they_were_sent():
    document = (
        json.dumps(post())[:-1] + ', "inputs": {"b": 1.10, "a": 123456789012345678901234567890}'
    )
    body = f'{{"patch": [], "post": [{document}, "outputs": [NaN, "\\u0000"]}}]}}'.encode()

    run = the_run(sort(envelopes.batch(body), 0, NOW))

    assert run.inputs == '{"b": 1.10, "a": 123456789012345678901234567890}'
    assert run.outputs == '["NaN", "\ufffd"]'


def test_usage_sent_with_the_run_is_kept_as_one_object():
    run = the_run(
        one(
            post(
                prompt_tokens=3,
                total_tokens=None,
                total_cost="0.000012",
                prompt_token_details={"cache_read": 1, "audio": None},
                prompt_cost_details={"cache_read": 1e-7},
            )
        )
    )

    assert orjson.loads(run.usage) == {
        "prompt_tokens": 3,
        "total_cost": "0.000012",
        "prompt_token_details": {"cache_read": 1, "audio": None},
        "prompt_cost_details": {"cache_read": 1e-7},
    }


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("2026-11-22T12:00:00", datetime(2026, 11, 22, 12, tzinfo=UTC)),
        ("2026-11-22T12:00:00.123456789Z", datetime(2026, 11, 22, 12, 0, 0, 123456, UTC)),
        ("2026-11-22 12:00:00-05:30", datetime(2026, 11, 22, 17, 30, tzinfo=UTC)),
        (1795352043280, datetime(2026, 11, 22, 12, 54, 3, 280000, UTC)),
        (1795352043.5, datetime(2026, 11, 22, 12, 54, 3, 500000, UTC)),
        (0, datetime(1970, 1, 1, tzinfo=UTC)),
    ],
)
def test_times_are_utc_to_the_microsecond(given, read):
    run = the_run(one(post(end_time=given)))

    assert run.end_time == read
    assert run.end_time.tzinfo is UTC


def test_a_patch_needs_nothing_but_its_id():
    run = the_run(one({"end_time": 1795352043280, "session_id": None}, UUID(RUN), is_post=False))

    assert (run.id, run.post, run.trace_id, run.name, run.session_id) == (
        UUID(RUN),
        False,
        None,
        None,
        None,
    )


def test_text_loses_what_no_database_keeps():
    document = json.dumps(post(name="a\0b", error="\ud800x", tags=["\udfff"], session_name="p\0"))

    run = the_run(one(document.encode()))

    assert (run.name, run.error, run.tags, run.session_name) == (
        "a\ufffdb",
        "\ufffdx",
        ("\ufffd",),
        "p\ufffd",
    )


def test_an_unknown_run_type_and_odd_payloads_are_kept():
    run = the_run(one(post(run_type="parrot", inputs=[1], outputs="text", child_runs=[])))

    assert (run.run_type, run.inputs, run.outputs) == ("parrot", "[1]", '"text"')


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"name": 5}, "name is 5; expected text"),
        ({"name": None}, "name is missing"),
        ({"run_type": None}, "run_type is missing"),
        ({"run_type": ["llm"]}, "run_type is a list; expected text"),
        ({"trace_id": OTHER}, "trace_id"),
        ({"dotted_order": "x"}, "dotted_order"),
        ({"dotted_order": START + OTHER}, "dotted_order"),
        ({"parent_run_id": OTHER}, "parent"),
        ({"dotted_order": None, "trace_id": OTHER}, "trace_id"),
        ({"start_time": "yesterday"}, "start_time is 'yesterday'; expected an ISO 8601 time"),
        ({"end_time": True}, "end_time is true"),
        ({"end_time": 1e300}, "end_time is 1e"),
        ({"trace_id": "x"}, "trace_id is 'x'; expected a UUID"),
        ({"session_id": 7}, "session_id is 7; expected a UUID"),
        ({"tags": "a,b"}, "tags is 'a,b'; expected a list of text"),
        ({"in_dataset": "yes"}, "in_dataset is 'yes'; expected true or false"),
        ({"prompt_tokens": "many"}, "prompt_tokens is 'many'; expected a whole number"),
        ({"prompt_tokens": -1}, "prompt_tokens is -1"),
        ({"prompt_tokens": 1.5}, "prompt_tokens is 1.5"),
        ({"total_cost": "much"}, "total_cost is 'much'; expected a number"),
        ({"total_cost": True}, "total_cost is true"),
        ({"total_cost": 1e12}, "at most 1000000"),
        ({"prompt_token_details": [1]}, "expected an object of numbers"),
        ({"name": ["x" * 10_000]}, "name is a list; expected text"),
        ({"start_time": "x" * 10_000}, r"x\.\.\.; expected an ISO"),
    ],
)  # fmt: skip
def test_a_bad_run_is_refused_by_name_and_its_neighbours_kept(fields, message):
    found = batch(post=[post(OTHER), post(**fields)], patch=[{"id": RUN}])

    assert [str(run.id) for run in found.batch.runs] == [OTHER, RUN]
    with pytest.raises(AssertionError, match=message):
        raise AssertionError(the_refusal(found).message)
    assert the_refusal(found).id == UUID(RUN)
    assert len(the_refusal(found).message) < 400


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (b"{", "post: not JSON"),
        (b"[]", "post: is a list; expected an object"),
        (b'{"id": "x"}', "post: id is 'x'; expected a UUID"),
        (b"{}", "post: id is null; expected a UUID"),
    ],
)
def test_a_run_without_an_id_is_refused_by_its_place(document, message):
    refusal = the_refusal(one(document))

    assert refusal.id is None
    with pytest.raises(AssertionError, match=message):
        raise AssertionError(refusal.message)


def test_a_post_without_a_start_takes_that_of_its_id():
    nowhere = {"start_time": None, "dotted_order": None}

    begun = the_run(one(post(RUN, **nowhere))).start_time
    refusal = the_refusal(one(post(OTHER, **nowhere)))

    assert begun == datetime(2026, 11, 22, 12, 30, 40, 875000, UTC)
    assert refusal.message == "post: start_time is missing"


def test_a_run_nested_too_deep_is_refused_by_name():
    deep = json.dumps(post())[:-1].encode() + b', "inputs": ' + b"[" * 2000 + b"]" * 2000 + b"}"
    body = b'{"post": [' + deep + b"," + orjson.dumps(post(OTHER)) + b"]}"

    found = sort(envelopes.batch(body), 0, NOW)

    assert [str(run.id) for run in found.batch.runs] == [OTHER]
    assert the_refusal(found).id == UUID(RUN)
    assert "nested deeper than 1024 levels" in the_refusal(found).message


def test_the_id_of_the_url_must_not_contradict_that_of_the_body():
    found = one({"id": OTHER}, UUID(RUN), is_post=False)

    assert the_refusal(found).message == f"post: id is {OTHER}, but it was sent as {RUN}"


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"post": {}}', b'{"post": [{}', b'{"post": [1,]}', b"\x00"]
)
def test_a_batch_that_is_no_batch_is_refused_whole(body):
    with pytest.raises(BodyProblem, match="the body is not JSON") as problem:
        envelopes.batch(body)
    assert problem.value.status == 422


def test_parts_without_a_place_are_refused_by_name():
    found = sent(
        ("post.nonsense", post()),
        ("post.nonsense.inputs", {}),
        (f"post.{RUN}", post()),
        (f"post.{RUN}.colour", {}),
        (f"patch.{OTHER}.outputs", {}),
        ("", b"x"),
        ("banana", b"x"),
        (f"attachment.{RUN}", b"x"),
        (f"feedback.{FEEDBACK}.extra", b"x"),
        (f"feedback.{FEEDBACK}", b"nope"),
    )

    assert [str(run.id) for run in found.batch.runs] == [RUN]
    assert [(str(each.id), each.code, each.message.split(";")[0]) for each in found.refused] == [
        ("None", "INVALID_ID", "post: id is 'nonsense'"),
        (RUN, "UNKNOWN_PART", f"part 'post.{RUN}.colour' is of no known name"),
        ("None", "UNKNOWN_PART", "part '' is of no known name"),
        ("None", "UNKNOWN_PART", "part 'banana' is of no known name"),
        ("None", "UNKNOWN_PART", f"part 'attachment.{RUN}' is of no known name"),
        ("None", "UNKNOWN_PART", f"part 'feedback.{FEEDBACK}.extra' is of no known name"),
        (OTHER, "MISSING_PART", f"patch.{OTHER}: the part with the run itself is missing"),
        (FEEDBACK, "INVALID_JSON", f"feedback.{FEEDBACK}: not JSON: {orjson_error(b'nope')}"),
    ]


def orjson_error(content):
    with pytest.raises(orjson.JSONDecodeError) as error:
        orjson.loads(content)
    return str(error.value)


def test_a_broken_out_of_line_part_refuses_its_run_only():
    found = sent(
        (f"post.{RUN}", post()),
        (f"post.{RUN}.inputs", b'{"a": '),
        (f"attachment.{RUN}.img", b"x", "image/png"),
        (f"post.{OTHER}", post(OTHER)),
    )

    assert [str(run.id) for run in found.batch.runs] == [OTHER]
    assert found.batch.attachments == []
    broken, lost = found.refused
    assert broken.message.startswith(f"post.{RUN}.inputs: not JSON")
    assert lost.message == f"attachment 'img': its run {RUN} was refused"


def test_attachments_take_the_trace_of_their_run():
    data = b"\x89PNG\r\n--" + bytes(range(256))
    found = sent(
        (f"attachment.{RUN}.img", data, "image/png; length=265"),
        (f"post.{RUN}", post()),
        (f"attachment.{RUN}.empty", b"", ""),
        (f"attachment.{OTHER}.a.b", b"{}"),
    )

    assert found.refused == ()
    files = [
        (str(f.run_id), str(f.trace_id), f.name, f.mime_type, f.data)
        for f in found.batch.attachments
    ]
    assert files == [
        (RUN, RUN, "img", "image/png", data),
        (RUN, RUN, "empty", "application/octet-stream", b""),
        (OTHER, "None", "a.b", "application/json", b"{}"),
    ]


def test_feedback_becomes_an_arrival():
    found = sent(
        (
            f"feedback.{FEEDBACK}",
            b'{"run_id": "%s", "trace_id": "%s", "key": "k", "score": true, "value": {"b": 1.0},'
            b' "comment": "nice", "correction": "x", "feedback_source": {"type": "api"},'
            b' "session_id": null, "created_at": "2026-11-21T00:00:00Z", "error": true,'
            b' "extra": {"k": 1}, "feedback_group_id": null,'
            b' "feedback_config": {"type": "categorical"}}' % (RUN.encode(), RUN.encode()),
        )
    )

    (feedback,) = found.batch.feedback
    assert (feedback.id, feedback.run_id, feedback.trace_id) == (
        UUID(FEEDBACK),
        UUID(RUN),
        UUID(RUN),
    )
    assert (feedback.key, feedback.score, feedback.comment) == ("k", 1.0, "nice")
    assert (feedback.value, feedback.correction, feedback.source) == (
        '{"b": 1.0}',
        '"x"',
        '{"type": "api"}',
    )
    assert feedback.created_at == feedback.modified_at == datetime(2026, 11, 21, tzinfo=UTC)
    assert orjson.loads(feedback.extra) == {
        "error": True,
        "extra": {"k": 1},
        "feedback_config": {"type": "categorical"},
    }


@pytest.mark.parametrize(
    ("id", "made"), [(OTHER, NOW), (FEEDBACK, datetime(2026, 11, 22, 12, 33, 13, 146000, UTC))]
)
def test_feedback_without_times_was_made_when_its_id_was_or_now(id, made):
    (feedback,) = sent((f"feedback.{id}", {"key": "k", "score": 0})).batch.feedback

    assert (feedback.created_at, feedback.modified_at, feedback.score) == (made, made, 0.0)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"score": "good"}, "score is 'good'; expected a number, true or false"),
        ({"key": None}, "key is missing"),
        ({"key": 5}, "key is 5; expected text"),
        ({"run_id": "x"}, "run_id is 'x'; expected a UUID"),
        ({"comment": {}}, "comment is an object; expected text"),
    ],
)
def test_bad_feedback_is_refused_by_name(fields, message):
    found = sent((f"feedback.{FEEDBACK}", {"key": "k", **fields}), (f"post.{RUN}", post()))

    assert len(found.batch.runs) == 1
    assert the_refusal(found).id == UUID(FEEDBACK)
    assert message in the_refusal(found).message


def test_a_score_that_is_no_number_is_refused():
    found = sent((f"feedback.{FEEDBACK}", b'{"key": "k", "score": NaN}'))

    assert "score is 'NaN'" in the_refusal(found).message

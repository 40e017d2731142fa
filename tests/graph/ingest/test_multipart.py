"""Multipart bodies as Python's and JavaScript's SDK write them, and broken ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.ingest.multipart import boundary_of, parts_of
from graph.ingest.problems import BodyProblem

BOUNDARY = b"ca2947ee1f"


def body(*parts: tuple[str, bytes]) -> bytes:
    pieces = [b"--%s\r\n%s\r\n\r\n%s\r\n" % (BOUNDARY, head.encode(), data) for head, data in parts]
    return b"".join([*pieces, b"--%s--\r\n" % BOUNDARY])


def part(name: str, content_type: str = "application/json") -> str:
    return f'Content-Disposition: form-data; name="{name}"\r\nContent-Type: {content_type}'


def read(sent: bytes) -> list[tuple[str, str, bytes]]:
    return [(part.name, part.content_type, part.content) for part in parts_of(sent, BOUNDARY)]


def test_parts_keep_name_type_and_bytes():
    sent = body(
        (part("post.1") + "\r\nContent-Length: 2", b"{}"),
        (part("attachment.1.doc", "text/plain; length=18"), b"a\r\n--b\r\n--ca2947ee1\r\n"),
        (part("attachment.1.empty", "image/png; charset=x; length=0"), b""),
    )

    assert read(sent) == [
        ("post.1", "application/json", b"{}"),
        ("attachment.1.doc", "text/plain", b"a\r\n--b\r\n--ca2947ee1\r\n"),
        ("attachment.1.empty", "image/png; charset=x", b""),
    ]


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ('content-disposition:form-data;name="a"', "a"),
        ("Content-Disposition: form-data; name=a", "a"),
        ('Content-Disposition: form-data; filename="f"; name="a"', "a"),
        ('Content-Disposition: form-data; name="a"; filename="f"', "a"),
        ('Content-Disposition: form-data; name="attachment.1.é"', "attachment.1.é"),
        ('Content-Disposition: form-data; name="a"b"', 'a"b'),
        ('Content-Disposition: form-data; name="a%22b%0Ac%20"', 'a"b\nc%20'),
        ("Content-Disposition: form-data; name*=utf-8''%C3%A9", "é"),
        ('Content-Disposition: form-data; name=""', ""),
        ("Content-Type: text/plain", ""),
    ],
)
def test_names_as_clients_write_them(header, name):
    assert read(body((header, b"x")))[0][0] == name


def test_a_preamble_and_an_epilogue_are_passed_over():
    sent = b"preamble\r\n" + body((part("a"), b"x")) + b"epilogue"

    assert read(sent) == [("a", "application/json", b"x")]


def test_a_body_without_parts_has_none():
    assert read(body()) == []


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"{}",
        body((part("a"), b"x"))[: -len(BOUNDARY)],
        body((part("a"), b"x")).replace(b"\r\n\r\n", b"\r\n"),
        b"--" + BOUNDARY,
        b"--" + BOUNDARY + b"\r\n",
        b"--" + BOUNDARY + b"x\r\n\r\n\r\n--" + BOUNDARY + b"--",
    ],
)
def test_a_body_that_breaks_off_is_refused(sent):
    with pytest.raises(BodyProblem, match="multipart body") as problem:
        read(sent)
    assert problem.value.status == 422


@given(st.lists(st.tuples(st.from_regex(r"[a-z.]{1,9}", fullmatch=True), st.binary())), st.data())
def test_every_cut_of_a_body_is_refused_or_whole(parts, data):
    sent = body(*((part(name), content) for name, content in parts))
    assert [(name, content) for name, _, content in read(sent)] == parts

    cut = sent[: data.draw(st.integers(0, len(sent) - 3))]
    with pytest.raises(BodyProblem, match="multipart body"):
        read(cut)


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        ("multipart/form-data; boundary=abc", b"abc"),
        ('Multipart/Form-Data; charset=x; Boundary="a b"', b"a b"),
        (
            "multipart/form-data; boundary=----LangSmithFormBoundarycd",
            b"----LangSmithFormBoundarycd",
        ),
    ],
)
def test_the_boundary_is_read(content_type, boundary):
    assert boundary_of(content_type) == boundary


@pytest.mark.parametrize("content_type", ["", "application/json", "multipart/form-data"])
def test_a_body_of_another_type_is_refused(content_type):
    with pytest.raises(BodyProblem, match="expected multipart/form-data; boundary"):
        boundary_of(content_type)

"""Documents that are prepared at start."""

from pathlib import Path

import pytest

from db.errors import InvalidError
from graph.documents import warm
from graph.schema import schema

QUERY = "query Warm { runs(first: 7) { nodes { id } } } query Other { projects { totalCount } }"


def test_every_operation_of_every_document_is_prepared(tmp_path: Path):
    (tmp_path / "a.graphql").write_text(QUERY)

    assert warm(str(tmp_path), "sqlite") == 1

    assert schema._prepared.get((QUERY, "Warm", "sqlite")).operation is not None
    assert schema._prepared.get((QUERY, "Other", "sqlite")).operation is not None


def test_a_document_that_is_not_valid_is_refused_by_name(tmp_path: Path):
    (tmp_path / "bad.graphql").write_text("{ nope }")

    with pytest.raises(InvalidError, match=r"bad\.graphql: Cannot query field 'nope'"):
        warm(str(tmp_path), "sqlite")

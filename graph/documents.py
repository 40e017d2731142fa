"""Trusted documents: the queries of known clients, prepared before anybody asks them."""

from pathlib import Path

from graphql import GraphQLError

from db.errors import InvalidError
from graph.schema import schema


def warm(folder: str, dialect: str) -> int:
    """Prepare every .graphql file of a folder; return how many there are.

    Raises InvalidError, naming the file, for one the schema does not allow.
    """
    files = sorted(Path(folder).rglob("*.graphql"))
    for file in files:
        try:
            schema.warm(file.read_text(encoding="utf-8"), dialect)
        except GraphQLError as error:
            msg = f"{file}: {error.message}"
            raise InvalidError(msg) from None
    return len(files)

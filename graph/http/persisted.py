"""Which text a request stands for that names its query by an id or a hash."""

from typing import Any, cast

from graph.documents import Documents, hash_of
from graph.http.reading import Asked
from graph.http.refusals import Refusal, bad_request
from graph.settings import SETTINGS


def text_of(asked: Asked, documents: Documents, *, only: bool) -> str:
    """Return the text that is asked for. Raises Refusal where there is none, or it is not trusted.

    A hash that is not known is answered as Apollo's clients expect of a server that keeps none:
    they send the text then, and no more hashes.
    """
    if asked.id is not None:
        text = documents.find(asked.id)
        if text is None:
            message = f"documentId is {asked.id[:100]!r}; there is no such trusted document"
            raise bad_request(message, "DOCUMENT_NOT_FOUND")
        if asked.query and asked.query != text:
            raise bad_request("query is not the text of documentId; send one of them")
        return text
    persisted: Any = asked.extensions.get("persistedQuery")
    text = asked.query if persisted is None else _of_hash(asked.query, persisted, documents)
    if only and text not in documents:
        setting = SETTINGS["documents_only"].variable
        message = f"only trusted documents are answered here (setting {setting})"
        raise Refusal(403, "DOCUMENT_NOT_TRUSTED", message)
    return text


def _of_hash(query: str, persisted: Any, documents: Documents) -> str:
    given: Any = (
        cast("dict[str, Any]", persisted).get("sha256Hash") if isinstance(persisted, dict) else None
    )
    if type(given) is not str:
        raise bad_request("extensions.persistedQuery has no sha256Hash")
    if query:
        if hash_of(query) != given.lower():
            raise bad_request("extensions.persistedQuery.sha256Hash is not that of the query")
        return query
    text = documents.find(given.lower()) or documents.find(given)
    if text is None:
        raise Refusal(200, "PERSISTED_QUERY_NOT_SUPPORTED", "PersistedQueryNotSupported")
    return text

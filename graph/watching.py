"""Operations that come over a socket or as a stream: subscriptions, and what else is sent there.

A subscription is checked as every document is. Then its text is made one of a query over the same
fields, letter by letter in the same places, so that errors point where its author wrote.
"""

import asyncio
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

import orjson
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    Node,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    TokenKind,
    VariableNode,
)
from strawberry.types.graphql import OperationType as StrawberryOperationType

from db import filters
from db.errors import StoreError, TooSlowError
from db.questions import RUNS
from db.store import Store
from db.watched import RunChange, Watched
from graph.attachment_urls import AttachmentUrls
from graph.auth import LOCAL, Viewer
from graph.context import Context
from graph.engine.cache import Cache
from graph.errors import shown
from graph.limits.bounds import Limits
from graph.live import Live, Watcher
from graph.observe import Seen, Told
from graph.preparing import Prepared
from graph.schema import schema, telling
from graph.settings import Settings
from graph.unread import Unread

ANY = frozenset({StrawberryOperationType.QUERY, StrawberryOperationType.MUTATION})
"""What may be sent beside subscriptions."""

_KEYWORD = "subscription"
_QUERY = "query".ljust(len(_KEYWORD))
_MOST_TEXTS = 1000
_MOST_BYTES = 4 * 1024 * 1024


class RefusedError(Exception):
    """An operation is not executed; its errors, as they are shown."""

    def __init__(self, errors: Sequence[dict[str, Any]]) -> None:
        super().__init__(str(errors))
        self.errors = errors


@dataclass(frozen=True, slots=True)
class _Text:
    """What is executed for each event of a subscription.

    `after` is the variable that gives the cursor and nothing else: those who differ in it alone are
    told the same.
    """

    text: str
    shows_runs: bool
    after: str | None


class Selection:
    """The fields that a subscription asks of each event."""

    def __init__(
        self,
        text: _Text,
        variables: dict[str, Any] | None,
        name: str | None,
        settings: Settings,
        at_once: int,
    ) -> None:
        given = dict(variables or {})
        if text.after is not None:
            given[text.after] = ""
        told = orjson.dumps(given, default=str, option=orjson.OPT_SORT_KEYS)
        self.key = (text.text, name, told)
        self.shows_runs = text.shows_runs
        self._text = text.text
        self._variables = given
        self._name = name
        self._settings = settings
        self._at_once = at_once

    async def show(self, context: Context, changes: Sequence[RunChange]) -> list[str]:
        """Return the answer to each change, as JSON text."""
        texts: list[str] = []
        for at in range(0, len(changes), self._at_once):
            texts += await self._show(context, changes[at : at + self._at_once])
        return texts

    async def _show(self, context: Context, changes: Sequence[RunChange]) -> list[str]:
        context.again(changes)
        result = await telling().execute(self._text, self._variables, context, None, self._name)
        if result.data is None:
            raise RefusedError(_shown(result.errors or [], self._settings))
        ((key, items),) = result.data.items()
        if not result.errors:
            return [orjson.dumps({"data": {key: item}}).decode() for item in items]
        errors = _by_item(result.errors)
        return [
            orjson.dumps(_answer({key: item}, errors.get(at), self._settings)).decode()
            for at, item in enumerate(items)
        ]


class Operations:
    """Executes what comes over sockets and streams."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        urls: AttachmentUrls,
        limits: Limits,
        unread: Unread | None = None,
        tell: Told | None = None,
    ) -> None:
        self._settings = settings
        self._store = store
        self._urls = urls
        self._limits = limits
        self._tell = tell
        self._texts: Cache[_Text] = Cache(_MOST_TEXTS, _MOST_BYTES)
        self.live = Live(store.news, settings, self._context)
        self.unread = unread or Unread(settings.answer_queue_bytes)

    async def begin(
        self,
        query: str,
        variables: dict[str, Any] | None,
        name: str | None,
        allowed: Iterable[StrawberryOperationType] = ANY,
        viewer: Viewer = LOCAL,
        by: str = "SOCKET",
    ) -> str | AbstractAsyncContextManager[Watcher]:
        """Return the answer to a query or a mutation as JSON text, or what a subscription watches.

        It is counted and logged then, as sent `by` a sort of connection. Raises RefusedError for
        what is not executed.
        """
        seen, begun = Seen(key=viewer.key), perf_counter()
        try:
            return await self._in_time(query, variables, name, allowed, viewer, seen)
        except RefusedError as refused:
            seen.errors = len(refused.errors)
            raise
        finally:
            if self._tell is not None:
                self._tell(by, "/graphql", 200, perf_counter() - begun, seen)

    async def _in_time(
        self,
        query: str,
        variables: dict[str, Any] | None,
        name: str | None,
        allowed: Iterable[StrawberryOperationType],
        viewer: Viewer,
        seen: Seen,
    ) -> str | AbstractAsyncContextManager[Watcher]:
        context = self._context(viewer)
        try:
            async with asyncio.timeout(self._settings.request_seconds):
                return await self._begin(query, variables, name, allowed, context, seen)
        except (GraphQLError, StoreError) as error:
            raise self.refused(error) from error
        except TimeoutError:
            most = self._settings.request_seconds
            raise self.refused(TooSlowError(f"it took more than {most} s")) from None
        finally:
            context.tell(seen)
            await context.close()

    def refused(self, error: Exception) -> RefusedError:
        """Return what is told of an error that ends an operation."""
        if isinstance(error, RefusedError):
            return error
        if not isinstance(error, GraphQLError):
            error = GraphQLError(str(error), original_error=error)
        return RefusedError(_shown([error], self._settings))

    def _context(self, viewer: Viewer) -> Context:
        store = viewer.store(self._store)
        return Context(store, self._settings, self._urls, self._limits, viewer, newest=True)

    async def _begin(
        self,
        query: str,
        variables: dict[str, Any] | None,
        name: str | None,
        allowed: Iterable[StrawberryOperationType],
        context: Context,
        seen: Seen,
    ) -> str | AbstractAsyncContextManager[Watcher]:
        found = await schema.checked(query, variables, name, context)
        if found.errors or found.node is None:
            raise RefusedError(_shown(found.errors, self._settings))
        seen.operation = name
        if found.node.operation is OperationType.SUBSCRIPTION:
            return await self._watching(query, found, variables, name, context)
        result = await schema.execute(query, variables, context, None, name, allowed)
        seen.errors = len(result.errors or ())
        return orjson.dumps(_answer(result.data, result.errors, self._settings)).decode()

    async def _watching(
        self,
        query: str,
        found: Prepared,
        variables: dict[str, Any] | None,
        name: str | None,
        context: Context,
    ) -> AbstractAsyncContextManager[Watcher]:
        """Ask what is to be watched, by executing the selection for no events."""
        text = self._texts.get((query, name))
        if text is None:
            assert found.document is not None and found.node is not None  # noqa: S101, PT018
            text = _text(query, found.document, found.node)
            self._texts.put((query, name), text, 4 * len(query))
        result = await telling().execute(text.text, variables, context, None, name)
        if result.errors:
            raise RefusedError(_shown(result.errors, self._settings))
        watched = context.watched
        if watched is None:  # @skip has left nothing of it
            watched = Watched(first=0, link=RUNS)
        watched = _within(watched, context.viewer)
        cost = context.prepared.costs(variables) if context.prepared else 0
        at_once = max(self._limits.cost // max(cost, 1), 1)
        selection = Selection(text, variables, name, self._settings, at_once)
        return self.live.watching(watched, selection, context.viewer)


def _within(watched: Watched, viewer: Viewer) -> Watched:
    """Return what somebody may watch of what they ask for: changes in their projects."""
    if viewer.reach is None:
        return watched
    inside = filters.test("session_id", "in", sorted(viewer.reach.projects))
    return replace(watched, where=filters.All((inside, watched.where)))


def _answer(
    data: dict[str, Any] | None, errors: Sequence[GraphQLError] | None, settings: Settings
) -> dict[str, Any]:
    answer: dict[str, Any] = {"data": data}
    if errors:
        answer["errors"] = _shown(errors, settings)
    return answer


def _shown(errors: Sequence[GraphQLError], settings: Settings) -> list[dict[str, Any]]:
    return shown(errors, settings.max_errors, settings.max_error_length)


def _by_item(errors: Sequence[GraphQLError]) -> dict[int, list[GraphQLError]]:
    """Return errors by the item of the list they are in, which their paths do not name then."""
    found: dict[int, list[GraphQLError]] = {}
    for error in errors:
        key, at, *rest = error.path or ("", 0)
        error.path = [key, *rest]
        found.setdefault(int(at), []).append(error)
    return found


def _text(text: str, document: DocumentNode, node: OperationDefinitionNode) -> _Text:
    """Return a subscription's text as that of a query, without the definitions it does not use."""
    used = _used(document, node)
    for each in document.definitions:
        if each is not node and each not in used and each.loc is not None:
            text = _blanked(text, each.loc.start, each.loc.end)
    token = node.loc.start_token if node.loc else None
    while token is not None and (token.kind, token.value) != (TokenKind.NAME, _KEYWORD):
        token = token.next
    assert token is not None  # noqa: S101 - it is a subscription
    text = text[: token.start] + _QUERY + text[token.end :]
    fields = [each for part in (node, *used) for each in _fields(part)]
    return _Text(text, any(each.name.value == "run" for each in fields), _after(text, node))


def _blanked(text: str, start: int, end: int) -> str:
    return text[:start] + re.sub(r"[^\r\n]", " ", text[start:end]) + text[end:]


def _used(document: DocumentNode, node: OperationDefinitionNode) -> list[FragmentDefinitionNode]:
    """Return the fragments that an operation spreads, and those that they do."""
    known = {
        each.name.value: each
        for each in document.definitions
        if isinstance(each, FragmentDefinitionNode)
    }
    used: dict[str, FragmentDefinitionNode] = {}
    waiting: list[Node] = [node]
    while waiting:
        for each in _nodes(waiting.pop()):
            if isinstance(each, FragmentSpreadNode) and each.name.value not in used:
                used[each.name.value] = fragment = known[each.name.value]
                waiting.append(fragment)
    return list(used.values())


def _nodes(node: Any) -> Iterator[Any]:
    """Yield what is selected, at whatever depth, fragments as their spreads."""
    selections: SelectionSetNode | None = getattr(node, "selection_set", None)
    for each in selections.selections if selections else ():
        yield each
        yield from _nodes(each)


def _fields(node: Node) -> Iterator[FieldNode]:
    return (each for each in _nodes(node) if isinstance(each, FieldNode))


def _after(text: str, node: OperationDefinitionNode) -> str | None:
    """Return the variable that gives `after`, if it stands nowhere else."""
    for each in node.selection_set.selections:
        for argument in getattr(each, "arguments", None) or ():
            if argument.name.value == "after" and isinstance(argument.value, VariableNode):
                name = argument.value.name.value
                declared_and_used = 2
                if len(re.findall(rf"\${name}\b", text)) == declared_and_used:
                    return name
    return None

"""What a line says: runs, feedback, files and a project, checked as on the wire."""

import binascii
import re
from base64 import b64decode
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, cast
from uuid import UUID

import orjson

from db.arrivals import AttachmentArrival, FeedbackArrival, RunArrival
from db.dotted import check_place, is_dotted
from db.models import Project
from db.strict import clean
from graph.exporting.lines import NOTE
from graph.ingest import convert, json_split, json_text, wire
from graph.ingest.problems import ItemProblem, shown

_NOTHING = frozenset((b"null", b"0", b"0.0", b'"0"', b'"0.0"', b"{}"))
_NULL = b"null"
_PAIR = 2
_MOST_DAYS = 36_500
_RANKS = re.compile(r"(?:\d+(?::-?\d+)?=[0-9a-f]+ ?)*")
_RUN_TEXTS = wire.RUN_TEXTS | {"usage"}
_JUDGEMENT_TEXTS = frozenset(("value", "correction", "feedback_source", "extra"))
_PROJECT_TEXTS = frozenset(("extra",))


@dataclass(slots=True)
class Told:
    """What some lines say."""

    runs: list[RunArrival] = field(default_factory=list[RunArrival])
    feedback: list[FeedbackArrival] = field(default_factory=list[FeedbackArrival])
    files: list[AttachmentArrival] = field(default_factory=list[AttachmentArrival])
    projects: list[Project] = field(default_factory=list[Project])


@dataclass(slots=True)
class Reader:
    """Reads lines; `now` is when feedback without a time was made. All runs go to `project`.

    `parts` are those of a large file that were read, while it is not whole.
    """

    now: datetime
    project: str | None = None
    parts: list[AttachmentArrival] = field(default_factory=list[AttachmentArrival])

    def read(self, content: bytes | Mapping[str, bytes] | None, label: str) -> Told:
        """Read a line, or a row. Raises ItemProblem, which begins with the label."""
        told = Told()
        if content is None:
            raise ItemProblem("TOO_LARGE", f"{label}: the line is too long to be held")
        try:
            members = json_split.members(content) if isinstance(content, bytes) else content
            self._take(dict(members), label, told)
        except ItemProblem as problem:
            if problem.message.startswith(label):
                raise
            raise ItemProblem(problem.code, f"{label}: {problem.message}", problem.id) from None
        return told

    def _take(self, members: dict[str, bytes], label: str, told: Told) -> None:
        note = _members(members.pop(NOTE, _NULL))
        children = members.pop("child_runs", _NULL)
        files = _members(members.pop("attachments", _NULL))
        run = None
        if members or not note:
            run = self._run(members, note, label)
            told.runs.append(run)
            told.files += _plain_files(files, run, label)
        self._beside(note, run, label, told)
        for child in json_split.elements(children) if children != _NULL else ():
            self._take(json_split.members(child), label, told)

    def _run(self, members: dict[str, bytes], note: Mapping[str, bytes], label: str) -> RunArrival:
        ours = "ranks" in note
        members = {name: sent for name, sent in members.items() if sent != _NULL}
        if ours:
            for name in wire.USAGE_FIELDS:  # what was made of usage; the note has what was sent
                members.pop(name, None)
        else:
            _clear(members)
        if self.project is not None:
            members = members | {"session_id": _NULL, "session_name": _json(self.project)}
        apart = {name: members.pop(name) for name in wire.OUT_OF_LINE if name in members}
        item = wire.Item(label, _object(members), apart=apart)
        arrival = convert.run_arrival(wire.run(item))
        if fault := check_place(arrival):
            raise ItemProblem("INVALID_FIELD", f"{label}: {fault}", arrival.id)
        if ours:
            arrival = _as_it_was(arrival, note, label)
        return arrival

    def _beside(
        self, note: Mapping[str, bytes], run: RunArrival | None, label: str, told: Told
    ) -> None:
        if "project" in note and self.project is None:
            told.projects.append(_project(note["project"], f"{label}: the project", self.now))
        for sent in json_split.elements(note.get("feedback", b"[]")):
            told.feedback.append(self._judgement(sent, f"{label}: feedback"))
        for sent in json_split.elements(note.get("attachments", b"[]")):
            file = self._file(sent, run, f"{label}: attachment")
            if file is not None:
                told.files.append(file)

    def _file(self, sent: bytes, run: RunArrival | None, label: str) -> AttachmentArrival | None:
        """Return a file; None for a part of one that is not its last."""
        told: Any = _value(sent)
        file = _file(told, run, label)
        part: Any = told.get("part")
        if part is None:
            return file
        if part == 1:  # what was begun before was told anew
            self.parts.clear()
        wanted = len(self.parts) + 1
        if part != wanted:
            message = f"{label}: part {shown(part)} stands where part {wanted} is wanted"
            raise ItemProblem("INVALID_FIELD", message, file.run_id)
        self.parts.append(file)
        if told.get("last") is not True:
            return None
        data = b"".join([each.data for each in self.parts])
        self.parts.clear()
        return replace(file, data=data)

    def _judgement(self, sent: bytes, label: str) -> FeedbackArrival:
        members = json_split.members(sent)
        exact = _exact(members.pop("texts", _NULL), _JUDGEMENT_TEXTS, label)
        read = wire.feedback(wire.Item(label, _object(members)))
        arrival = convert.feedback_arrival(read, self.now)
        texts: dict[str, Any] = {"extra": read.texts.get("extra"), **exact}
        if "feedback_source" in texts:
            texts["source"] = texts.pop("feedback_source")
        if self.project is not None:
            texts["session_id"] = None
        return replace(arrival, **texts)


def _clear(members: dict[str, bytes]) -> None:
    """Take away what a dump holds where nothing was known."""
    sent = members.get("dotted_order", _NULL)
    if sent != _NULL:
        dotted = _value(sent)
        is_root = members.get("parent_run_id", _NULL) == _NULL
        if dotted == "" or (is_root and isinstance(dotted, str) and not is_dotted(dotted)):
            del members["dotted_order"]  # the SDK makes one of another form for roots without
    if all(members.get(name, _NULL) in _NOTHING for name in wire.USAGE_FIELDS):
        for name in wire.USAGE_FIELDS:
            members.pop(name, None)


def _as_it_was(arrival: RunArrival, note: Mapping[str, bytes], label: str) -> RunArrival:
    """Return a run as it was sent, of which the line shows what was made of it."""
    ranks = _value(note["ranks"])
    if not isinstance(ranks, str) or not _RANKS.fullmatch(ranks):
        raise ItemProblem("INVALID_FIELD", f"{label}: ranks is {shown(ranks)}; leave it as it was")
    usage = note.get("usage", _NULL)
    told: dict[str, Any] = {"usage": None if usage == _NULL else json_text.read(usage)[1]}
    told |= _exact(note.get("texts", _NULL), _RUN_TEXTS, label)
    return replace(arrival, ranks=ranks, **told)


def _exact(sent: bytes, allowed: Collection[str], label: str) -> dict[str, str]:
    """Return the JSON texts that could not stand in a line as they were."""
    found: dict[str, str] = {}
    for name, text in _members(sent).items():
        value = _value(text)
        if name not in allowed or not isinstance(value, str):
            raise ItemProblem("INVALID_FIELD", f"{label}: texts has {name}, as {shown(value)}")
        found[name] = json_text.read(value.encode())[1]
    return found


def _project(sent: bytes, label: str, now: datetime) -> Project:
    members = json_split.members(sent)
    exact = _exact(members.pop("texts", _NULL), _PROJECT_TEXTS, label)
    days = _value(members.pop("retention_days", _NULL))
    if days is not None and (type(days) is not int or not 0 <= days <= _MOST_DAYS):
        message = f"{label}: retention_days is {shown(days)}; expected 0 to {_MOST_DAYS}"
        raise ItemProblem("INVALID_FIELD", message)
    read = wire.project(wire.Item(label, _object(members)))
    values: dict[str, Any] = {"start_time": now, **read.values, **read.texts, **exact}
    values["created_at"] = values.pop("start_time")
    return Project(id=read.id, retention_days=days, **values)


def _file(told: Any, run: RunArrival | None, label: str) -> AttachmentArrival:
    try:
        data = b64decode(told["data"], validate=True)
        name, mime_type = told["name"], told["mime_type"]
        ids = [UUID(told[each]) if told.get(each) else None for each in ("run_id", "trace_id")]
    except (KeyError, TypeError, ValueError, AttributeError, binascii.Error) as error:
        how = f"{type(error).__name__} {error}; expected name, mime_type and data in base64"
        raise ItemProblem("INVALID_FIELD", f"{label}: {how}") from None
    run_id, trace_id = ids
    if run_id is None and run is not None:
        run_id, trace_id = run.id, run.trace_id
    if run_id is None or not isinstance(name, str) or not isinstance(mime_type, str):
        raise ItemProblem("MISSING_FIELD", f"{label}: run_id is missing")
    return AttachmentArrival(
        run_id=run_id, trace_id=trace_id, name=clean(name), mime_type=clean(mime_type), data=data
    )


def _plain_files(
    files: Mapping[str, bytes], run: RunArrival, label: str
) -> Iterator[AttachmentArrival]:
    """Give files as the SDK dumps them: a type and text. Addresses of files are passed over."""
    for name, sent in files.items():
        told: object = _value(sent)
        if not isinstance(told, list):
            continue
        parts = cast("list[Any]", told)
        if len(parts) != _PAIR or not all(isinstance(part, str) for part in parts):
            message = (
                f"{label}: attachment {shown(name)} is {shown(parts)}; expected a type and text"
            )
            raise ItemProblem("INVALID_FIELD", message, run.id)
        mime_type, text = parts
        yield AttachmentArrival(
            run_id=run.id,
            trace_id=run.trace_id,
            name=clean(name),
            mime_type=clean(mime_type),
            data=text.encode(),
        )


def _members(sent: bytes) -> Mapping[str, bytes]:
    return {} if sent == _NULL else json_split.members(sent)


def _value(sent: bytes) -> Any:
    return json_text.read(sent)[0]


def _object(members: Mapping[str, bytes]) -> bytes:
    return b"{%b}" % b",".join([b"%b:%b" % (_json(name), sent) for name, sent in members.items()])


def _json(text: str) -> bytes:
    return orjson.dumps(text)

"""Takes bodies apart into items: which bytes belong to which run, judgement or file."""

from dataclasses import dataclass, field
from uuid import UUID

from db.arrivals import Refusal
from db.objects import Kept
from graph.ingest import json_split
from graph.ingest.multipart import Part, parts_of
from graph.ingest.problems import BodyProblem, ItemProblem, shown
from graph.ingest.wire import INVALID_ID, OUT_OF_LINE, Item, id_of

PART_NAMES = (
    "post.<id>, patch.<id>, these with .inputs .outputs .events .extra .error .serialized, "
    "feedback.<id>, attachment.<run id>.<name>"
)


@dataclass(frozen=True, slots=True)
class File:
    """An attachment as it was sent; `kept`: its bytes are where files go already."""

    run_id: UUID
    name: str
    part: Part
    kept: Kept | None = None


@dataclass(slots=True)
class Envelope:
    """What a body holds, unread, and what of it has no place."""

    runs: list[Item] = field(default_factory=list[Item])
    feedback: list[Item] = field(default_factory=list[Item])
    files: list[File] = field(default_factory=list[File])
    refused: list[Refusal] = field(default_factory=list[Refusal])


def one(document: bytes, *, label: str, id: UUID | None, post: bool) -> Envelope:
    """Wrap the run of a request that brings one."""
    return Envelope(runs=[Item(label, document, id, post)])


def batch(body: bytes) -> Envelope:
    """Take apart `{"post": [...], "patch": [...]}`."""
    try:
        members = json_split.members(body)
        runs = [
            Item(f"{kind}[{at}]", document, post=kind == "post")
            for kind in ("post", "patch")
            for at, document in enumerate(_listed(members.get(kind, b"null")))
        ]
    except ItemProblem as problem:
        raise BodyProblem(422, problem.code, f"the body is {problem.message}") from None
    return Envelope(runs=runs)


def multipart(body: bytes, boundary: bytes) -> Envelope:
    """Take apart the parts of /runs/multipart; an out-of-line part may come before its run."""
    sorting = Sorting()
    for part in parts_of(body, boundary):
        sorting.add(part)
    return sorting.envelope


def _listed(sent: bytes) -> list[bytes]:
    return [] if sent == b"null" else json_split.elements(sent)


class Sorting:
    """Puts one part after the other where it belongs."""

    def __init__(self) -> None:
        self.envelope = Envelope()
        self._runs: dict[str, Item] = {}
        self._misnamed: set[str] = set()
        self._last: str | None = None
        """The label of the run whose parts are coming."""

    def add(self, part: Part, kept: Kept | None = None) -> None:
        """Put a part into the envelope; refuse it, or what it belongs to, by name."""
        label, _, name = part.name.rpartition(".")
        if label == self._last and name in OUT_OF_LINE:
            self._runs[label].apart[name] = part.content
            return
        kind, _, rest = part.name.partition(".")
        id_text, _, name = rest.partition(".")
        label = f"{kind}.{id_text}"
        if label in self._misnamed:
            return
        try:
            self._place(part, kind, label, id_text, name, kept)
        except ItemProblem as problem:
            self.envelope.refused.append(Refusal(problem.id, problem.code, problem.message))
            if problem.code == INVALID_ID:
                self._misnamed.add(label)

    def _place(
        self, part: Part, kind: str, label: str, id_text: str, name: str, kept: Kept | None
    ) -> None:
        match kind:
            case "post" | "patch":
                run = self._runs.get(label) or self._begin(label, kind, id_of(kind, id_text))
                if not name and run.document is None:
                    run.document = part.content
                elif not name:
                    self._begin(label, kind, run.id).document = part.content
                elif name in OUT_OF_LINE:
                    run.apart[name] = part.content
                else:
                    raise _unknown(part, run.id)
            case "feedback" if not name:
                self.envelope.feedback.append(Item(label, part.content, id_of(kind, id_text)))
            case "attachment" if name:
                self.envelope.files.append(File(id_of(kind, id_text), name, part, kept))
            case _:
                raise _unknown(part, None)

    def _begin(self, label: str, kind: str, id: UUID | None) -> Item:
        run = self._runs[label] = Item(label, None, id, kind == "post")
        self._last = label
        self.envelope.runs.append(run)
        return run


def _unknown(part: Part, id: UUID | None) -> ItemProblem:
    message = f"part {shown(part.name)} is of no known name; allowed: {PART_NAMES}"
    return ItemProblem("UNKNOWN_PART", message, id)

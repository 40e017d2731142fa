"""Files that a span carries, in base64: `[{"name", "content", "mime_type"}]`."""

from base64 import b64decode
from binascii import Error
from typing import Any, cast
from uuid import UUID

from db.arrivals import AttachmentArrival
from db.strict import clean
from graph.otlp import conventions
from graph.otlp.attributes import Attributes, as_list

PLAIN = "application/octet-stream"


def attachments_of(attributes: Attributes, run_id: UUID) -> list[AttachmentArrival]:
    """Take the files; what is none stays with the other attributes."""
    sent = as_list(attributes.look(conventions.ATTACHMENTS))
    found = [file for each in sent if (file := _file(each, run_id)) is not None]
    if found and len(found) == len(sent):
        attributes.take(conventions.ATTACHMENTS)
    return found


def _file(sent: Any, run_id: UUID) -> AttachmentArrival | None:
    if not isinstance(sent, dict):
        return None
    told = cast("dict[str, Any]", sent)
    name, content, mime_type = (told.get(key) for key in ("name", "content", "mime_type"))
    if not isinstance(name, str) or not name or not isinstance(content, str):
        return None
    try:
        data = b64decode(content, validate=True)
    except (Error, ValueError):
        return None
    kind = clean(mime_type) if isinstance(mime_type, str) and mime_type else PLAIN
    return AttachmentArrival(run_id=run_id, name=clean(name), mime_type=kind, data=data)

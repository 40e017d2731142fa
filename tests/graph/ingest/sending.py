"""What tests send: bodies as the SDK writes them."""

from typing import Any

import orjson

BOUNDARY = "ca2947ee1f9d4f0c8f0e4c0f4f5c6d7e"
MULTIPART = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}

RUN = "01a2033c-b8eb-7743-8ba9-dbdc45796553"
OTHER = "7d6f7f8a-51e9-4dff-909e-5dc9bd4f3c00"
START = "20261122T123040875018Z"


def post(id: str = RUN, **fields: Any) -> dict[str, Any]:
    """Return the fields of a post of a root run."""
    return {
        "id": id,
        "trace_id": id,
        "dotted_order": START + id,
        "name": "root",
        "run_type": "chain",
        "start_time": "2026-11-22T12:30:40.875018+00:00",
        "session_name": "fixture-project",
        **fields,
    }


def multipart(*parts: tuple[Any, ...]) -> bytes:
    """Return a body of parts: (name, content) or (name, content, content type)."""
    pieces: list[bytes] = []
    for name, content, *content_type in parts:
        sent = content if isinstance(content, bytes) else orjson.dumps(content)
        head = (
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n'
            f"Content-Type: {(content_type or ['application/json'])[0]}\r\n\r\n"
        )
        pieces += [head.encode("utf-8", "surrogatepass"), sent, b"\r\n"]
    return b"".join([*pieces, f"--{BOUNDARY}--\r\n".encode()])

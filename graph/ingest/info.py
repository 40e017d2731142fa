"""GET /info: what the SDK asks once, to learn how it may send."""

from starlette.requests import Request
from starlette.responses import Response

from graph.ingest.answers import ok

INFO = {
    # From 0.18 on the SDK sends feedback as multipart parts and warns of nothing.
    "version": "0.18.0",
    "license_expiration_time": None,
    # One key missing here kills the SDK's tracing thread.
    "batch_ingest_config": {
        "use_multipart_endpoint": True,
        "scale_up_qsize_trigger": 1000,
        "scale_up_nthreads_limit": 16,
        "scale_down_nempty_trigger": 4,
        "size_limit": 100,
        "size_limit_bytes": 20 * 2**20,
    },
    "instance_flags": {
        "zstd_compression_enabled": True,
        "gzip_body_enabled": True,
        "ch_query_enabled": True,
    },
}


async def info(_: Request) -> Response:
    """Answer GET /info."""
    return ok(INFO)

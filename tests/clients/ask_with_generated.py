"""A client made by ariadne-codegen asks a live server: python ask_with_generated.py URL."""

import asyncio
import sys

from rungraph_client import Client


async def ask() -> None:
    async with Client(url=sys.argv[1]) as client:
        page = (await client.newest_runs(first=3)).runs
        more = (await client.newest_runs(first=3, after=page.page_info.end_cursor)).runs
        nodes = [edge.node for edge in (*page.edges, *more.edges)]
        assert len({node.id for node in nodes}) == 6
        one = (await client.one_run(id=nodes[0].id)).run
        assert one.name == nodes[0].name
        assert (await client.cost_by_model()).run_stats


asyncio.run(ask())

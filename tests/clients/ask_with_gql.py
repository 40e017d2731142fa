"""gql asks a live server, as in docs/clients.md: python ask_with_gql.py URL SCHEMA OPERATIONS."""

import asyncio
import sys
from pathlib import Path

from gql import Client, GraphQLRequest, gql
from gql.transport.httpx import HTTPXAsyncTransport

url, *files = sys.argv[1:]
schema, operations = (Path(file).read_text() for file in files)


async def ask() -> None:
    transport = HTTPXAsyncTransport(url=url)
    client = Client(transport=transport, schema=schema, parse_results=True)
    document = gql(operations).document
    async with client as session:

        async def run(name: str, **variables: object) -> dict:
            request = GraphQLRequest(document, variable_values=variables, operation_name=name)
            return await session.execute(request)

        page = (await run("NewestRuns", first=3))["runs"]
        more = (await run("NewestRuns", first=3, after=page["pageInfo"]["endCursor"]))["runs"]
        ids = {edge["node"]["id"] for edge in (*page["edges"], *more["edges"])}
        assert len(ids) == 6
        one = (await run("OneRun", id=min(ids)))["run"]
        assert one["id"] == min(ids)
        assert (await run("CostByModel"))["runStats"]
    async with Client(transport=HTTPXAsyncTransport(url=url), fetch_schema_from_transport=True):
        pass


asyncio.run(ask())

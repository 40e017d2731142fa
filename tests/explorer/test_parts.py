"""The parts of the explorer that draw nothing are tested where they run: in Node.js."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from graphql import OperationType, get_operation_ast, parse, validate

from graph.schema import schema
from tests.servers import HOME, environ

HERE = Path(__file__).parent
RUN = "019a1b2c-0000-7000-8000-000000000001"
NODE = shutil.which("node")


def version() -> int:
    said = subprocess.check_output([NODE, "--version"], text=True) if NODE else "v0"
    return int(re.findall(r"\d+", said)[0])


needs_node = pytest.mark.skipif(version() < 20, reason="there is no node, or one before version 20")


@needs_node
def test_the_parts_of_the_explorer_that_draw_nothing():
    assert NODE
    tests = sorted(str(path) for path in HERE.glob("*.test.mjs"))
    done = subprocess.run(
        [NODE, "--test", "--test-reporter=spec", *tests],
        env=environ(NO_COLOR="1"),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout


@needs_node
def test_every_tab_of_a_first_visit_is_a_query_of_this_schema(add, ask):
    add("root")
    tabs = (HOME / "graph" / "graphiql" / "source" / "tabs.js").as_uri()
    printing = (
        f"import {{ firstTabs, tabOf }} from '{tabs}';"
        f"console.log(JSON.stringify([...firstTabs(0), tabOf('?run={RUN}')]))"
    )
    said = subprocess.check_output(
        [str(NODE), "--input-type=module", "--eval", printing], env=environ(), text=True
    )

    for tab in json.loads(said):
        operation = get_operation_ast(parse(tab["query"]))
        assert operation
        if operation.operation is OperationType.QUERY:
            ask(tab["query"], **json.loads(tab.get("variables", "{}")))
        elif schema._schema.subscription_type:
            assert validate(schema._schema, parse(tab["query"])) == []

"""A program in the style of the SDK's documentation: traces an app, then asks about it.

It knows nothing of Rungraph but the address in LANGSMITH_ENDPOINT.
"""

import contextlib
import json
import sys
import warnings

from langsmith import Client, traceable

warnings.simplefilter("ignore")

client = Client()

USAGE = {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15}


@traceable(client=client, run_type="llm", metadata={"ls_model_name": "m", "ls_provider": "p"})
def call_model(question: str) -> dict:
    if question == "impossible":
        raise ValueError(question)
    return {"answer": question.upper(), "usage_metadata": USAGE}


@traceable(client=client, tags=["production"])
def my_app(question: str) -> str:
    return call_model(question)["answer"]


def main() -> None:
    for question in ("what is it", "who is it"):
        my_app(question)
    with contextlib.suppress(ValueError):
        my_app("impossible")
    client.flush()

    project = "tour"
    roots = list(client.list_runs(project_name=project, is_root=True))
    failed = list(
        client.list_runs(project_name=project, filter='eq(status, "error")', is_root=True)
    )
    whole = client.read_run(roots[-1].id, load_child_runs=True)
    client.create_feedback(whole.id, key="helpful", score=1)
    judged = list(client.list_feedback(run_ids=[whole.id]))
    stats = client.get_run_stats(project_names=[project])
    about = client.read_project(project_name=project, include_stats=True)
    told = {
        "roots": [run.name for run in roots],
        "failed": [run.inputs for run in failed],
        "children": [[run.name, run.run_type, run.total_tokens] for run in whole.child_runs],
        "outputs": whole.outputs,
        "feedback": [[each.key, each.score] for each in judged],
        "runs": stats["run_count"],
        "tokens": stats["total_tokens"],
        "project": [about.name, about.run_count],
    }
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main()

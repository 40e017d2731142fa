"""The page a browser gets at /graphql where the explorer was not built: a query, its answer."""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

_SCRIPT = """
const query = document.querySelector("textarea"), answer = document.querySelector("#answer");
const asked = new URLSearchParams(location.search), id = asked.get("run");
if (id) query.value = `{
  run(id: "${id.replace(/[^0-9a-f-]/gi, "")}") {
    name runType status error latency totalTokens totalCost
    inputs outputs
    parentRuns { id name }
    childRuns { id name runType status latency }
  }
}`;
async function run() {
  answer.textContent = "...";
  const sent = { method: "POST", headers: { "content-type": "application/json" },
                 body: JSON.stringify({ query: query.value }) };
  const got = await fetch("/graphql", sent);
  answer.textContent = JSON.stringify(await got.json(), null, 2);
}
document.querySelector("button").addEventListener("click", run);
query.addEventListener("keydown", (key) => {
  if (key.key === "Enter" && (key.ctrlKey || key.metaKey)) run();
});
run();
"""

_STYLE = """
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { display: grid; grid-template: auto auto 1fr / 1fr 1fr; gap: 1rem; height: 100vh; margin: 0;
       padding: 1rem; box-sizing: border-box; }
header { grid-column: 1 / -1; display: flex; gap: 1rem; align-items: baseline; }
h1 { font-size: 1.2rem; margin: 0; } button { font: inherit; padding: .2rem 1rem; }
details { grid-column: 1 / -1; } details pre { max-height: 12rem; }
textarea, pre { font: 13px/1.5 ui-monospace, monospace; margin: 0; padding: 1rem; overflow: auto;
  border: 1px solid #8886; border-radius: 6px; resize: none; background: transparent;
  color: inherit; }
"""

_QUERY = """{
  runs(where: {isRoot: true}, first: 20) {
    totalCount
    nodes {
      id name status startTime latency totalTokens totalCost
      inputsPreview { text }
      project { name }
      childRuns { name runType status latency }
    }
  }
}"""

_PAGE = f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Rungraph</title>
<style>{_STYLE}</style>
<header><h1>Rungraph</h1> <button title="Ctrl-Enter">Run</button>
<span>POST a query here, or point LANGSMITH_ENDPOINT at this server to fill it.</span></header>
<details><summary>This is the plain page: the explorer was not built when Rungraph was installed.
</summary>{{why}}
<p>To have it, install Rungraph again where npm's registry can be reached (or set
<code>npm_config_registry</code> to one that can), with <code>RUNGRAPH_BUILD_PAGE</code> not set to
<code>off</code>:</p>
<pre>pip install --force-reinstall --no-deps -v .</pre>
<p>Then start the server again. A wheel that was built elsewhere brings the explorer with it.</p>
</details>
<textarea aria-label="Query" spellcheck="false">{_QUERY}</textarea>
<pre id="answer" aria-label="Answer" tabindex="0"></pre>
<script>{_SCRIPT}</script>
"""


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


_HEADERS = {
    "content-security-policy": (
        f"default-src 'none'; connect-src 'self'; script-src 'sha256-{_hash(_SCRIPT)}';"
        f" style-src 'sha256-{_hash(_STYLE)}'; base-uri 'none'; form-action 'none';"
        " frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}


@dataclass(frozen=True, slots=True)
class Page:
    """What a browser gets."""

    html: str
    headers: Mapping[str, str]


def plain_page(reason: str | None) -> Page:
    """Return the page that needs no build; it tells why it is this one, where that is known."""
    why = f"<p>The reason was:</p><pre>{escape(reason)}</pre>" if reason else ""
    return Page(_PAGE.replace("{why}", why), _HEADERS)

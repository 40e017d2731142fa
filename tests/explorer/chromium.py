"""A real browser for tests: Chromium, driven over its own debugging protocol."""

import base64
import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

PROGRAM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--remote-debugging-port=0",
    "--window-size=1400,900",
]
PATIENCE = 30
"""Seconds that anything may take; what is waited for mostly takes milliseconds."""

_IDLE = "!document.querySelector('.graphiql-execute-button[aria-label^=Stop]')"
_TYPED = "document.querySelector('.graphiql-query-editor .view-lines').textContent"
_WAITING = """new Promise((resolve, reject) => {
  const since = performance.now();
  (function look() {
    let found;
    try { found = (%s); } catch { found = undefined; }
    if (found) resolve(found instanceof Node || found);
    else if (performance.now() - since > %d) reject(new Error("not within %d ms"));
    else requestAnimationFrame(look);
  })();
})"""


class Target:
    """What takes commands over a socket, in terms of the protocol: the browser, or a page."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._numbers = count(1)

    def tell(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command; return what it gives."""
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._socket.recv(timeout=PATIENCE * 2))
            if message.get("id") == number:
                assert "error" not in message, message
                return message["result"]
            self._note(message)

    def _note(self, event: dict[str, Any]) -> None:
        """Take in what was not asked for."""


class Page(Target):
    """An open page; remembers what it asked for and what it complained of."""

    def __init__(self, socket: ClientConnection) -> None:
        super().__init__(socket)
        self.requests: list[dict[str, Any]] = []
        self.complaints: list[str] = []
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.tell(f"{domain}.enable")

    def _note(self, event: dict[str, Any]) -> None:
        told = event.get("params", {})
        match event["method"]:
            case "Network.requestWillBeSent":
                self.requests.append(told["request"])
            case "Runtime.exceptionThrown":
                self.complaints.append(str(told["exceptionDetails"]))
            case "Log.entryAdded" if told["entry"]["level"] == "error":
                self.complaints.append(str(told["entry"]))
            case _:
                pass

    def run(self, expression: str) -> Any:
        """Run JavaScript in the page; return its value, once it is there."""
        answer = self.tell(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in answer, (expression, answer)
        return answer["result"].get("value")

    def wait(self, condition: str) -> Any:
        """Wait until a JavaScript expression is true; return what it is then."""
        patience = PATIENCE * 1000
        return self.run(_WAITING % (condition, patience, patience))

    def open(self, url: str) -> None:
        """Go to an address; return when the editors are there."""
        self.tell("Page.navigate", url=url)
        self.wait("document.querySelectorAll('.graphiql-container .monaco-editor').length >= 2")

    def key(self, name: str, *, control: bool = False) -> None:
        """Press a key."""
        parts = {"key": name, "code": name, "modifiers": 2 if control else 0}
        parts["windowsVirtualKeyCode"] = {"Enter": 13, "a": 65, "Delete": 46}.get(name, 0)
        self.tell("Input.dispatchKeyEvent", type="rawKeyDown", **parts)
        self.tell("Input.dispatchKeyEvent", type="keyUp", **parts)

    def click(self, selector: str) -> None:
        """Click the first element of a selector, where it is, with the mouse."""
        found = f"document.querySelector({json.dumps(selector)})"
        at = self.wait(
            f"(() => {{ const box = {found}.getBoundingClientRect();"
            " return box.width && [box.x + box.width / 2, box.y + box.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.tell(
                "Input.dispatchMouseEvent", type=kind, x=at[0], y=at[1], button="left", clickCount=1
            )

    def ask(self, query: str) -> None:
        """Replace the query of the tab, and run it."""
        line = " ".join(query.split())  # a new line would have the editor close braces
        self.wait(_IDLE)
        self.click(".graphiql-query-editor .monaco-editor")
        self.key("a", control=True)
        self.tell("Input.insertText", text=line)
        start = json.dumps(line[:12])
        self.wait(f"{_TYPED}.replace(/\\u00a0/g, ' ').startsWith({start})")
        self.click(".graphiql-execute-button")

    def picture(self, file: Path) -> None:
        """Keep what is seen."""
        file.write_bytes(base64.b64decode(self.tell("Page.captureScreenshot")["data"]))


class Browser(Target):
    """A running browser."""

    def __init__(self, socket: ClientConnection, address: str) -> None:
        super().__init__(socket)
        self._address = address

    @contextmanager
    def visit(self) -> Iterator[Page]:
        """Open a page for somebody of whom the browser knows nothing; forget them afterwards."""
        context = self.tell("Target.createBrowserContext")
        target = self.tell("Target.createTarget", url="about:blank", **context)["targetId"]
        with _connected(f"{self._address}/devtools/page/{target}") as socket:
            yield Page(socket)
        self.tell("Target.disposeBrowserContext", **context)


def _connected(address: str) -> ClientConnection:
    return connect(address, max_size=None, proxy=None)


@contextmanager
def browsing(*flags: str) -> Iterator[Browser]:
    """Start a browser; end it afterwards."""
    assert PROGRAM
    with tempfile.TemporaryDirectory(
        prefix="rungraph-chromium-", ignore_cleanup_errors=True
    ) as home:
        process = subprocess.Popen(
            [PROGRAM, *FLAGS, *flags, f"--user-data-dir={home}", "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stderr
            said = next(line for line in process.stderr if "DevTools listening on" in line)
            url = said.split(" on ")[1].strip()
            with _connected(url) as socket:
                yield Browser(socket, url.partition("/devtools/")[0])
        finally:
            process.terminate()
            process.wait(timeout=PATIENCE)
            if process.stderr:
                process.stderr.close()

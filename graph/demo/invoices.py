"""Plain traced functions that read invoices: files attached, structured answers, some failures."""

from contextlib import suppress
from dataclasses import dataclass

from graph.demo.models import GPT, chat, message
from graph.demo.telling import Json, StepError, Trace

PROJECT = "invoice-reader"
RATE_LIMIT = """RateLimitError("Error code: 429 - Rate limit reached for gpt-4o")

Traceback (most recent call last):
  File "invoices/read.py", line 57, in extract
    answer = client.chat.completions.create(model="gpt-4o", messages=messages)
openai.RateLimitError: Error code: 429 - Rate limit reached for gpt-4o"""


@dataclass(frozen=True)
class Invoice:
    """An invoice, and what went wrong while it was read."""

    number: str
    sender: str
    net: float
    tax: int
    failure: str | None = None
    wrong_total: bool = False

    @property
    def total(self) -> float:
        """What is to be paid."""
        return round(self.net * (1 + self.tax / 100), 2)

    @property
    def page(self) -> str:
        """The invoice as text."""
        return (
            f"{self.sender}\nInvoice {self.number}\n\nNet      {self.net:10.2f} EUR\n"
            f"VAT {self.tax:2d} % {self.total - self.net:10.2f} EUR\n"
            f"Total    {self.total:10.2f} EUR\nPayable within 14 days.\n"
        )


INVOICES = (
    Invoice("2026-0311", "Alpin Textil GmbH", 1480.00, 19),
    Invoice("R-88121", "Nordic Pegs AB", 312.40, 25),
    Invoice("F2026/77", "Ateliers du Vercors SARL", 2210.00, 20, failure=RATE_LIMIT),
    Invoice("2026-0319", "Alpin Textil GmbH", 94.50, 19),
    Invoice("INV-4471", "Kettle & Flame Ltd", 780.00, 20, wrong_total=True),
    Invoice("R-88340", "Nordic Pegs AB", 128.00, 25),
    Invoice("10-2231", "Lattice Labels BV", 46.20, 21),
    Invoice("2026-0344", "Alpin Textil GmbH", 3120.75, 19),
)


def read(trace: Trace, invoice: Invoice) -> None:
    """Tell how an invoice is read and checked."""
    file = f"{invoice.number.replace('/', '-')}.txt"
    reading = trace.run(
        "read_invoice", inputs={"file": file}, tags=("nightly",), ls_method="traceable"
    )
    with suppress(StepError), reading as root:
        root.attachments[file] = ("text/plain", invoice.page.encode())
        fields = _extract(trace, invoice)
        root.outputs = {"fields": fields, "checked": _check(trace, invoice, fields)}
    if invoice.wrong_total:
        trace.judge(trace.runs[0], "correct", 0, comment="VAT was added twice", source="app")
    elif invoice.failure is None:
        trace.judge(trace.runs[0], "correct", 1, source="model")


def _extract(trace: Trace, invoice: Invoice) -> Json:
    with trace.run("extract", inputs={"pages": 1}, ls_method="traceable") as extract:
        total = invoice.total if not invoice.wrong_total else invoice.total * 1.2
        fields = {"number": invoice.number, "sender": invoice.sender, "total": round(total, 2)}
        system = message("system", "Return number, sender and total as JSON.")
        asked = [system, message("human", invoice.page)]
        chat(trace, GPT, asked, str(fields), failure=invoice.failure)
        extract.outputs = {"output": fields}
    return fields


def _check(trace: Trace, invoice: Invoice, fields: Json) -> bool:
    asks = {"number": fields["number"], "total": fields["total"]}
    with trace.run("check_against_order", "tool", inputs=asks, ls_method="traceable") as check:
        trace.take(0.12)
        matches = not invoice.wrong_total
        check.outputs = {"output": matches, "expected": invoice.total}
    return matches

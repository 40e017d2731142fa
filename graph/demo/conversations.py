"""What the customers of a shop asked its support agent."""

from dataclasses import dataclass
from typing import Any

from graph.demo.telling import Json


@dataclass(frozen=True)
class Tool:
    """One call of a tool, and what it gives back, unless it fails or has not come back yet."""

    name: str
    args: Json
    result: Any = None
    seconds: float = 0.3
    failure: str | None = None
    hangs: bool = False


@dataclass(frozen=True)
class Turn:
    """A question of a customer, the tools it took, and the answer."""

    question: str
    tools: tuple[Tool, ...]
    answer: str
    topic: str
    score: float | None = None
    comment: str | None = None


@dataclass(frozen=True)
class Conversation:
    """What one customer asked, one turn after the other."""

    thread: str
    customer: str
    turns: tuple[Turn, ...]


INTERRUPT = (
    "GraphInterrupt((Interrupt(value='Refund 179.00 EUR for FF-19977?', "
    "id='3e0b7f601214c45b260330a899579032'),))"
)
SHOP_IS_DOWN = """HTTPStatusError("503 Service Unavailable")Traceback (most recent call last):

  File "shop/tools.py", line 88, in create_order
    response.raise_for_status()

HTTPStatusError: 503 Service Unavailable for url 'https://shop.internal/orders'"""

ORDER = {"order": "FF-20418", "items": ["Halti 2 tent"], "total": "389.00 EUR", "state": "shipped"}
PARCEL = {"carrier": "DHL", "state": "in transit", "place": "Hamburg", "due": "tomorrow"}
BOOTS = {"order": "FF-19977", "items": ["Skarn boots 43"], "total": "179.00 EUR"}

CONVERSATIONS = (
    Conversation(
        "thread-5f21",
        "c-1042",
        (
            Turn(
                "Hi, where is my tent? I ordered it last Tuesday.",
                (
                    Tool("search_orders", {"customer": "c-1042", "limit": 3}, [ORDER], 0.4),
                    Tool("track_parcel", {"order": "FF-20418"}, PARCEL, 0.9),
                ),
                "Your Halti 2 tent (order FF-20418) is on its way with DHL. It passed Hamburg this "
                "morning and should be with you tomorrow.",
                "delivery",
                1,
            ),
            Turn(
                "Great. Can I still change the address to my office?",
                (
                    Tool(
                        "search_help_center",
                        {"query": "change delivery address after shipping"},
                        ["Once a parcel is with the carrier, use the carrier's own page."],
                    ),
                ),
                "The parcel is already with DHL, so we can not change it any more, but you can "
                "redirect it yourself on the tracking page until the evening before delivery.",
                "delivery",
                1,
                "quick and clear",
            ),
        ),
    ),
    Conversation(
        "thread-77c0",
        "c-2210",
        (
            Turn(
                "Die Sohle meiner Skarn-Stiefel löst sich nach zwei Monaten. Was nun?",
                (
                    Tool("search_orders", {"customer": "c-2210", "product": "Skarn"}, [BOOTS]),
                    Tool(
                        "search_help_center",
                        {"query": "warranty boots sole", "language": "de"},
                        ["Schuhe: zwei Jahre Gewährleistung. Ein Foto der Schäden genügt."],
                    ),
                ),
                "Das tut mir leid! Auf die Stiefel (FF-19977) haben Sie zwei Jahre Gewährleistung. "
                "Schicken Sie mir bitte ein Foto der Sohle, dann ersetzen wir das Paar.",
                "warranty",
                1,
            ),
            Turn(
                "Hier ist das Foto. Ich hätte lieber mein Geld zurück.",
                (
                    Tool("check_photo", {"file": "sole.jpg"}, {"damage": "sole detached"}, 1.4),
                    Tool(
                        "refund_order",
                        {"order": "FF-19977", "amount": "179.00 EUR"},
                        failure=INTERRUPT,
                    ),
                ),
                "",
                "refund",
            ),
        ),
    ),
    Conversation(
        "thread-9a3e",
        "c-3187",
        (
            Turn(
                "Which of your stoves burns at -20 °C?",
                (
                    Tool(
                        "search_products",
                        {"query": "stove winter", "in_stock": True},
                        [
                            {"name": "Primal Omni", "fuel": "petrol, kerosene", "from": "-30 °C"},
                            {"name": "Kupoli Gas", "fuel": "isobutane", "from": "-6 °C"},
                        ],
                        0.6,
                    ),
                ),
                "The Primal Omni: it burns petrol or kerosene and works down to -30 °C. Gas stoves "
                "like the Kupoli lose their pressure at about -6 °C.",
                "advice",
                1,
            ),
            Turn(
                "And is it allowed on a plane?",
                (),
                "Only when it never held fuel, or was cleaned so that no vapour is left. Please "
                "ask your airline: several refuse petrol stoves even then.",
                "advice",
                0,
                "did not say which airlines",
            ),
            Turn(
                "Ok, send me two, same address as always.",
                (
                    Tool(
                        "create_order",
                        {"customer": "c-3187", "items": [{"sku": "PR-OMNI", "quantity": 2}]},
                        seconds=4.0,
                        failure=SHOP_IS_DOWN,
                    ),
                ),
                "",
                "order",
                0,
                "it just stopped",
            ),
        ),
    ),
    Conversation(
        "thread-c418",
        "c-4410",
        (
            Turn(
                "Do you repair zips? 🧥",
                (
                    Tool(
                        "search_help_center",
                        {"query": "repair zip jacket"},
                        ["Repairs: zips 25 EUR, two weeks, any brand. Send the jacket washed."],
                    ),
                ),
                "We do, of any brand: 25 EUR, about two weeks. Please send the jacket washed. 🧵",
                "repair",
                1,
            ),
        ),
    ),
)

UNFINISHED = Turn(
    "I need all invoices of last year for my tax return, please.",
    (Tool("export_invoices", {"customer": "c-1042", "year": 2025}, seconds=6.0, hangs=True),),
    "",
    "invoices",
)

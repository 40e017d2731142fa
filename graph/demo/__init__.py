"""A made-up week of a shop's language model programs, told the way the LangSmith SDK tells it.

`telling` is how a story tells its runs, `models` how it calls a language model; the stories are
`support`, `handbook`, `research` and `invoices`; `week` dates them, `wire` makes them the bodies
of requests and `fill` sends those to an app. Nothing here knows how an app is made.
"""

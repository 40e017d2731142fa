"""The GraphQL endpoint: GraphQL over HTTP from a request's bytes to the answer's.

`reading` takes a request apart, `negotiation` says what the client takes, `answering` writes,
`patrol` ends what takes too long or nobody waits for; `endpoint` puts them together.
"""

from graph.http.endpoint import Endpoint

__all__ = ["Endpoint"]

"""The reading side of LangSmith's API, over the same questions as GraphQL.

Thin: a wire shape becomes a query of our own schema, its answer the other wire shape. So limits,
rights and compiled execution hold here as they do at /graphql.
"""

"""Compiled execution: selections become plans, plans become one statement and one comprehension.

Knows GraphQL and the protocol of questions (`graph.engine.protocol`), not runs.
"""

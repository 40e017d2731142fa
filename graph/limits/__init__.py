"""What a query may ask for: looked at before any work is done for it.

`bounds` holds the limits as they are set, `tokens` looks at a text before it is parsed, `measure`
at a document before it is validated, and `cost` says how many objects it asks for.
"""

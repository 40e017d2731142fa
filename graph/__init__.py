"""Everything the outside speaks to: GraphQL, HTTP, wire formats."""

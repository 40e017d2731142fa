"""The explorer: GraphiQL with Rungraph's tabs and waterfall. Its page is built, never committed."""

"""The LangSmith wire: what the SDK sends, over HTTP, turned into `db.arrivals`."""

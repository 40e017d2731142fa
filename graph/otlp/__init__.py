"""OpenTelemetry's wire, OTLP over HTTP: spans in either encoding become runs."""

"""Runs out of a store, as JSON lines of the SDK's `Run.model_dump(mode="json")`.

What that has no field for stands under the key `rungraph`, which the SDK passes over: what was
sent where the field shows what was worked out, feedback, files, and the project.
"""

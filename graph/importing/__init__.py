"""Runs into a store from files: JSON lines of the SDK's runs, LangSmith's exports in Parquet.

They go through the same checks and the same fold as what comes over the wire, so that nothing is
spoiled by importing a file twice.
"""

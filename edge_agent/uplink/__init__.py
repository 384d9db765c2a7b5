"""Sends what the outbox holds, one module a kind of destination."""

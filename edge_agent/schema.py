"""AsyncAPI 3 of all messages and commands and JSON Schema (2020-12) of all messages, generated from their classes."""

from __future__ import annotations

import inspect
from typing import Any

import msgspec

from edge_agent import __version__
from edge_agent.agent.commands import CityAirCommand
from edge_agent.agent.evidence import EvidenceCommand
from edge_agent.agent.marks import MarkCommand
from edge_agent.messages import CHANNELS, Message
from edge_agent.review.decide import ReviewCommand

COMMANDS: dict[str, type[msgspec.Struct]] = {
    "city-air": CityAirCommand,
    "evidence": EvidenceCommand,
    "mark": MarkCommand,
    "review": ReviewCommand,
}


def json_schema() -> dict[str, Any]:
    """One JSON Schema document: an envelope per channel under ``$defs``, joined by ``oneOf``."""
    envelopes, definitions = _components("#/$defs/{name}")
    return _tidied(
        {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "edge-agent messages",
            "oneOf": [{"$ref": f"#/$defs/{name}"} for name in envelopes],
            "$defs": definitions | envelopes,
        }
    )


def asyncapi() -> dict[str, Any]:
    """The AsyncAPI 3.0 document of everything a device sends and of the commands it takes."""
    envelopes, definitions = _components("#/components/schemas/{name}")
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    messages: dict[str, Any] = {}
    for channel in CHANNELS.values():
        name = _envelope_name(channel.name)
        parts = ["site", "device", *(["violation", "n"] if channel.name == "evidence" else [])]
        channels[channel.name] = {
            "address": "edge/v1/{site}/{device}/" + channel.name + ("/{violation}/{n}" if len(parts) == 4 else ""),
            "parameters": {part: {} for part in parts},
            "messages": {name: {"$ref": f"#/components/messages/{name}"}},
        }
        operations[f"send_{channel.name}"] = {
            "action": "send",
            "channel": {"$ref": f"#/channels/{channel.name}"},
            "bindings": {"mqtt": {"qos": 1, "retain": channel.retained, "bindingVersion": "0.2.0"}},
        }
        messages[name] = {
            "name": channel.event_type,
            "contentType": "application/cloudevents+json",
            "summary": (channel.data.__doc__ or "").split("\n")[0],
            "payload": {"$ref": f"#/components/schemas/{name}"},
        }
    shapes, inner = msgspec.json.schema_components(COMMANDS.values(), ref_template="#/components/schemas/{name}")
    for (command, payload), shape in zip(COMMANDS.items(), shapes, strict=True):
        name = f"{command}_command"
        channels[f"cmd_{command}"] = {
            "address": "edge/v1/{site}/{device}/cmd/" + command,
            "parameters": {"site": {}, "device": {}},
            "messages": {name: {"$ref": f"#/components/messages/{name}"}},
        }
        operations[f"receive_{command}"] = {
            "action": "receive",
            "channel": {"$ref": f"#/channels/cmd_{command}"},
            "reply": {"channel": {"$ref": "#/channels/ack"}},
        }
        messages[name] = {
            "name": command,
            "contentType": "application/json",
            "summary": (payload.__doc__ or "").split("\n")[0],
            "payload": shape,
        }
    return _tidied(
        {
            "asyncapi": "3.0.0",
            "info": {"title": "edge-agent", "version": __version__, "license": {"name": "Apache-2.0"}},
            "defaultContentType": "application/cloudevents+json",
            "channels": channels,
            "operations": operations,
            "components": {"messages": messages, "schemas": definitions | envelopes | inner},
        }
    )


def _tidied(schema: dict[str, Any]) -> dict[str, Any]:
    """Descriptions without a docstring's indentation, which Python keeps up to 3.12 and takes away from 3.13 on."""

    def tidied(key: str, value: Any) -> Any:
        if isinstance(value, dict):
            return _tidied(value)
        if isinstance(value, list):
            return [tidied("", item) for item in value]
        return inspect.cleandoc(value) if key == "description" else value

    return {key: tidied(key, value) for key, value in schema.items()}


def _envelope_name(channel: str) -> str:
    return f"{channel}_message"


def _components(reference: str) -> tuple[dict[str, Any], dict[str, Any]]:
    classes = [channel.data for channel in CHANNELS.values()]
    schemas, definitions = msgspec.json.schema_components([Message, *classes], ref_template=reference)
    envelope = definitions.pop("Message")
    envelopes: dict[str, Any] = {}
    for channel, data in zip(CHANNELS.values(), schemas[1:], strict=True):
        own = {"type": {"const": channel.event_type}, "data": data}
        envelopes[_envelope_name(channel.name)] = envelope | {
            "title": _envelope_name(channel.name),
            "properties": envelope["properties"] | own,
        }
    return envelopes, definitions

"""What a broker's answers mean, and sentences for a person who has to do something about them.

Sources: MQTT 5.0 §2.4 (reason codes), §3.2.2.2 (CONNACK), §3.4.2.1 (PUBACK), §3.9.3 (SUBACK), §3.14.2.1
(DISCONNECT); MQTT 3.1.1 §3.2.2.3 (return codes).
"""

from __future__ import annotations

import errno
import socket
import ssl
from enum import Enum

from edge_agent.config.uplink import Address


class Verdict(Enum):
    """What a PUBACK's reason code says of a message."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    BUSY = "busy"


def verdict(code: int) -> Verdict:
    """Codes under 0x80 are success; busy, quota exceeded and packet id in use are no judgement of the message."""
    if code < 0x80:
        return Verdict.ACCEPTED
    return Verdict.BUSY if code in (0x89, 0x91, 0x97) else Verdict.REJECTED


_CONNECT = {
    0x80: "refused without a reason",
    0x81: "did not understand our packet",
    0x82: "says we broke the protocol",
    0x84: "does not speak MQTT 5",
    0x85: "refuses this client id",
    0x86: "refuses the user name or password; check username and password_file",
    0x87: "does not authorise this device; ask its administrator to allow this user and client id",
    0x88: "is not available; it will be tried again",
    0x89: "is busy; it will be tried again",
    0x8A: "has banned this client",
    0x8C: "wants another way of authentication",
    0x95: "takes no packet as large as our connect packet",
    0x97: "has no quota left for this client",
    0x9A: "takes no retained messages, which status needs",
    0x9B: "does not offer QoS 1",
    0x9C: "asks to use another server; put that address into broker",
    0x9D: "has moved; put the new address into broker",
    0x9F: "limits how often one may connect",
}

UNSUPPORTED_VERSION = 0x84

_DISCONNECT = {
    0x00: "ended the connection",
    0x81: "did not understand our packet",
    0x82: "says we broke the protocol",
    0x87: "does not authorise what we sent",
    0x8B: "is shutting down",
    0x8D: "heard nothing from us within the keepalive",
    0x8E: "gave our place to another client of the same id; two devices must not share device.id",
    0x93: "got more at once than its receive maximum",
    0x95: "takes no packet this large",
    0x96: "says we send too fast",
    0x97: "has no quota left for this client",
    0x98: "was told by its administrator to end the connection",
    0x9C: "asks to use another server",
    0x9D: "has moved",
}

_PUBLISH = {
    0x80: "without a reason",
    0x83: "for a reason of its own",
    0x87: "this device is not authorised to publish there",
    0x89: "it is busy",
    0x90: "it does not take this topic",
    0x91: "it holds the packet id for another",
    0x97: "it has no quota left for this client",
    0x99: "it does not take this payload",
}

_SUBSCRIBE = {
    0x80: "without a reason",
    0x87: "it does not authorise us to read there",
    0x8F: "it takes no such filter",
    0x97: "it has no quota left for this client",
    0x9E: "it offers no shared subscriptions",
    0xA2: "it takes no wildcards",
}

PACKET_TOO_LARGE = 0x95


def refusal(address: Address, code: int, name: str) -> str:
    """Why a CONNACK refused."""
    return f"{address} {_CONNECT.get(code, f'refused: {name}')} (0x{code:02x})"


def farewell(address: Address, code: int, name: str) -> str:
    """Why the broker disconnected."""
    return f"{address} {_DISCONNECT.get(code, f'ended the connection: {name}')} (0x{code:02x})"


def unwanted(code: int) -> str:
    """Why a PUBACK refused."""
    return f"{_PUBLISH.get(code, 'for an unknown reason')} (0x{code:02x})"


def unheard(address: Address, wanted: str, code: int, name: str) -> str:
    """Why a SUBACK refused; of what is not heard on ``wanted`` nothing is known."""
    return f"{address} refused the subscription to {wanted}: {_SUBSCRIBE.get(code, name)} (0x{code:02x})"


def explain(address: Address, error: BaseException) -> str:
    """Why no connection came about."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"{address}: {_certificate(error)}"
    if isinstance(error, ssl.SSLError):
        if error.reason in ("WRONG_VERSION_NUMBER", "UNKNOWN_PROTOCOL", "RECORD_LAYER_FAILURE"):
            return f"{address} does not speak TLS on this port; check the port (TLS is usually 8883)"
        if error.reason and "CERTIFICATE_REQUIRED" in error.reason:
            return f"{address} wants a certificate of this device; set tls.certificate and tls.key"
        return f"{address}: TLS failed: {error.reason or error}"
    if isinstance(error, socket.gaierror):
        return f"{address}: the name cannot be resolved; check the name, and the network's DNS"
    if isinstance(error, TimeoutError):
        return f"{address} does not answer; check the address, the firewall and the network"
    if isinstance(error, ConnectionRefusedError):
        return f"{address} refuses connections: nothing listens on port {address.port}"
    if isinstance(error, OSError) and error.errno in (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN):
        return f"{address} cannot be reached: there is no network, or no way to it"
    return f"{address}: {error}"


def _certificate(error: ssl.SSLCertVerificationError) -> str:
    text = error.verify_message or str(error)
    if "expired" in text:
        return "the broker's certificate has expired (or this machine's clock is wrong); renew it"
    if "not yet valid" in text:
        return "the broker's certificate is not valid yet; this machine's clock is probably wrong"
    if "ostname mismatch" in text or "IP address mismatch" in text or "not valid for" in text:
        return "the broker's certificate is for another name; use the name that stands in it"
    if "self-signed" in text or "self signed" in text or "unable to get local issuer" in text:
        return "the broker's certificate is signed by nobody we know; put its authority's file into tls.ca"
    return f"the broker's certificate cannot be trusted: {text}"

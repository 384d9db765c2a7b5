"""What survives a power cut: the durable queue of messages, and the recorder that fills it."""

from edge_agent.outbox.outbox import Outbox
from edge_agent.outbox.queue import Lane, Queue
from edge_agent.outbox.recorder import OutboxRecorder, Recorder, ReplayRecorder, open_recorder
from edge_agent.outbox.room import Depth
from edge_agent.outbox.row import Row

__all__ = ["Depth", "Lane", "Outbox", "OutboxRecorder", "Queue", "Recorder", "ReplayRecorder", "Row", "open_recorder"]

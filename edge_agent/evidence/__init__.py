"""Evidence on disk: pictures and clips of violations, hashed, synced before their violation is raised."""

from edge_agent.evidence.files import Files
from edge_agent.evidence.store import EvidenceStore, Piece

__all__ = ["EvidenceStore", "Files", "Piece"]

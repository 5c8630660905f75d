"""What a machine is, in the features that the rules speak of."""

from metahub.node.detect.detection import Detection, Finding, Unknown
from metahub.node.detect.everything import detect
from metahub.node.detect.labels import as_labels
from metahub.node.detect.machine import Machine, UnreadableError, this_machine
from metahub.node.detect.machine_type import as_yaml, machine_type_name
from metahub.node.detect.match import Match, matches
from metahub.node.detect.node_labels import detection_of
from metahub.node.detect.nodes import Node, NodeLabelsError, read_nodes

__all__ = [
    "Detection",
    "Finding",
    "Machine",
    "Match",
    "Node",
    "NodeLabelsError",
    "Unknown",
    "UnreadableError",
    "as_labels",
    "as_yaml",
    "detect",
    "detection_of",
    "machine_type_name",
    "matches",
    "read_nodes",
    "this_machine",
]

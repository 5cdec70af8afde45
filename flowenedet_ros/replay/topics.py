"""What the node publishes, by name under its own name, and which of it is recorded."""

from dataclasses import dataclass

from flowenedet_ros.replay.bag_reader import CAMERA_INFO, IMAGE, STRING

DIAGNOSTICS = 'diagnostic_msgs/msg/DiagnosticArray'

SEGMENTATION = 'output/segmentation'
IDM_MASK = 'output/idm_mask'
OOD_MASK = 'output/ood_mask'
IDM_SCORE = 'output/idm_score'
OOD_SCORE = 'output/ood_score'
PLANNER_MASK = 'output/planner_mask'
PLANNER_CONFIDENCE = 'output/planner_confidence'
OUTPUT_CAMERA_INFO = 'output/camera_info'
SCORE_CAMERA_INFO = 'output/score_camera_info'
OVERLAY = 'output/overlay'
LABEL_MAP = 'label_map'
PROCESSING_TIME = 'debug/processing_time_ms'


@dataclass(frozen=True)
class Output:
    """One topic of the node."""

    name: str
    msgtype: str
    latched: bool = False


OUTPUTS = (
    Output(SEGMENTATION, IMAGE),
    Output(IDM_MASK, IMAGE),
    Output(OOD_MASK, IMAGE),
    Output(IDM_SCORE, IMAGE),
    Output(OOD_SCORE, IMAGE),
    Output(PLANNER_MASK, IMAGE),
    Output(PLANNER_CONFIDENCE, IMAGE),
    Output(OUTPUT_CAMERA_INFO, CAMERA_INFO),
    Output(SCORE_CAMERA_INFO, CAMERA_INFO),
    Output(OVERLAY, IMAGE),
    Output(LABEL_MAP, STRING, latched=True),
    Output(PROCESSING_TIME, 'std_msgs/msg/Float64'),
)


def topic(node: str, output: str) -> str:
    """Give the full topic of an output of a node, such as `/flowenedet/output/ood_mask`."""
    return f'/{node.strip("/")}/{output}'

"""What the ids and scores mean, as JSON and, where vision_msgs is installed, as its messages."""

import json
from typing import Any

from std_msgs.msg import Header, String

from flowenedet_ros.data.classes import VOID
from flowenedet_ros.inference.manifest import Manifest
from flowenedet_ros.inference.perception import Thresholds
from flowenedet_ros.node import vision


def label_map(manifest: Manifest, thresholds: Thresholds, operating_point: str) -> String:
    """Describe classes, colours, planner ids, thresholds and the model's identity."""
    content: dict[str, Any] = {
        'model': manifest.name,
        'model_sha256': manifest.files['model.onnx'],
        'classes': [
            {'id': index, 'name': info.name, 'color': list(info.color)}
            for index, info in enumerate(manifest.classes)
        ],
        'planner_classes': [
            {'id': index, 'name': name} for index, name in planner_ids(manifest).items()
        ],
        'unlabelled': VOID,
        'operating_point': operating_point,
        'thresholds': {'idm': thresholds.idm, 'ood': thresholds.ood},
        'guarantee': manifest.calibration.guarantee,
    }
    return String(data=json.dumps(content))


def planner_ids(manifest: Manifest) -> dict[int, str]:
    """Name the ids that only the planner mask has."""
    ids = manifest.planner_classes
    return {ids.uncertain: 'uncertain', ids.unknown_obstacle: 'unknown_obstacle'}


def label_info(manifest: Manifest, thresholds: Thresholds, header: Header) -> Any:
    """Give a vision_msgs/LabelInfo for the planner mask; its threshold is that of OOD."""
    names = dict(enumerate(info.name for info in manifest.classes)) | planner_ids(manifest)
    return vision.messages.LabelInfo(
        header=header,
        class_map=[
            vision.messages.VisionClass(class_id=index, class_name=name)
            for index, name in names.items()
        ],
        threshold=float(thresholds.ood),
    )


def vision_info(manifest: Manifest, header: Header) -> Any:
    """Give a vision_msgs/VisionInfo that says which model made the masks."""
    return vision.messages.VisionInfo(
        header=header,
        method=f'{manifest.segmenter.architecture} with {manifest.detector.variant}',
        database_location=f'{manifest.name} sha256:{manifest.files["model.onnx"]}',
        database_version=0,
    )

"""The node's topics on the live graph, against everything that names them elsewhere."""

import json
from pathlib import Path
from xml.etree import ElementTree

import yaml
from node.harness import NODE, image
from rclpy.qos import (
    DurabilityPolicy,
    HistoryPolicy,
    LivelinessPolicy,
    QoSCompatibility,
    QoSProfile,
    ReliabilityPolicy,
    qos_check_compatible,
)
from sensor_msgs.msg import Image

CONFIG = Path(__file__).resolve().parents[2] / 'config'
IMAGE = 'sensor_msgs/msg/Image'
OUTPUTS = {
    'output/segmentation': IMAGE,
    'output/idm_mask': IMAGE,
    'output/ood_mask': IMAGE,
    'output/idm_score': IMAGE,
    'output/ood_score': IMAGE,
    'output/planner_mask': IMAGE,
    'output/planner_confidence': IMAGE,
    'output/overlay': IMAGE,
    'output/camera_info': 'sensor_msgs/msg/CameraInfo',
    'output/score_camera_info': 'sensor_msgs/msg/CameraInfo',
    'debug/processing_time_ms': 'std_msgs/msg/Float64',
    'label_map': 'std_msgs/msg/String',
}
# Made only where vision_msgs is installed, or for cameras of other names.
ELSEWHERE = {f'{NODE}/{name}' for name in ('label_info', 'vision_info', 'output/ood_blobs')} | {
    '/camera/image_raw',
    '/camera/camera_info',
    '/clock',
}


def rviz_qos(topic):
    return QoSProfile(
        depth=topic['Depth'],
        history=HistoryPolicy[topic['History Policy'].upper().replace(' ', '_')],
        reliability=ReliabilityPolicy[topic['Reliability Policy'].upper().replace(' ', '_')],
        liveliness=LivelinessPolicy.AUTOMATIC,
        durability=DurabilityPolicy[topic['Durability Policy'].upper().replace(' ', '_')],
    )


def test_topics_types_and_what_viewers_and_policies_say_of_them(robot, bundle):
    robot.start(model=bundle)
    robot.wait_active()

    def published():
        found = robot.node.get_publisher_names_and_types_by_node('flowenedet', '/')
        return {name: types[0] for name, types in found}

    expected = {f'{NODE}/{name}': kind for name, kind in OUTPUTS.items()}
    robot.until(lambda: expected.items() <= published().items(), 'every topic')

    # RViz hears each topic that its displays name.
    rviz = yaml.safe_load((CONFIG / 'flowenedet.rviz').read_text())
    for display in rviz['Visualization Manager']['Displays']:
        topic = display['Topic']
        assert display['Class'] == 'rviz_default_plugins/Image'
        if topic['Value'] in ELSEWHERE:
            continue
        assert published()[topic['Value']] == IMAGE
        for info in robot.node.get_publishers_info_by_topic(topic['Value']):
            compatible, reason = qos_check_compatible(info.qos_profile, rviz_qos(topic))
            assert compatible == QoSCompatibility.OK, reason

    # Foxglove's panels show topics that there are.
    layout = json.loads((CONFIG / 'foxglove_layout.json').read_text())
    panels = layout['configById'].values()
    shown = {panel['imageMode']['imageTopic'] for panel in panels if 'imageMode' in panel}
    assert shown - ELSEWHERE <= set(published())

    # The costmap reads topics that there are.
    costmap = yaml.safe_load((CONFIG / 'costmap.yaml').read_text())['local_costmap']
    layer = costmap['local_costmap']['ros__parameters']['semantic_segmentation_layer']['front']
    assert {layer['segmentation_topic'], layer['confidence_topic']} <= set(published())

    # The SROS2 policy allows exactly what the node does.
    policy = ElementTree.parse(CONFIG / 'sros2_policy.xml')
    for attribute, names in (
        ('publish', set(published())),
        (
            'subscribe',
            {n for n, _ in robot.node.get_subscriber_names_and_types_by_node('flowenedet', '/')},
        ),
    ):
        allowed = {e.text for e in policy.findall(f".//topics[@{attribute}='ALLOW']/topic")}
        assert names - {'/rosout'} <= allowed
        assert allowed - names - {'/rosout'} <= ELSEWHERE
    services = {n for n, _ in robot.node.get_service_names_and_types_by_node('flowenedet', '/')}
    assert {e.text for e in policy.findall('.//service')} == services


def test_nothing_is_drawn_or_sent_for_a_topic_that_nobody_hears(robot, bundle):
    robot.start(model=bundle)
    robot.wait_active()
    camera = robot.camera()
    camera.publish(image(1))
    robot.until(lambda: robot.count('processed') == 1)
    unheard = float(robot.value('stage_publish_ms'))

    robot.listen(f'{NODE}/output/overlay', Image)
    overlays = robot.heard[f'{NODE}/output/overlay']
    robot.wait_for_listeners()

    def drawn():
        camera.publish(image(2, 480, 640))
        return overlays

    robot.until(drawn, 'an overlay')
    overlay = overlays[0]
    assert (overlay.encoding, overlay.height, overlay.width) == ('rgb8', 480, 640)
    robot.until(lambda: float(robot.value('stage_publish_ms')) > 2 * unheard)

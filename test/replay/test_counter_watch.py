"""The node's counters, heard on real DDS beside those of other nodes."""

import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue

from flowenedet_ros.replay.counters import CounterWatch
from flowenedet_ros.replay.live import LiveNode


def report(node: str, **values: object) -> DiagnosticArray:
    pairs = [KeyValue(key=key, value=str(value)) for key, value in values.items()]
    return DiagnosticArray(status=[DiagnosticStatus(name=f'{node}: frames', values=pairs)])


@pytest.mark.usefixtures('domain')
def test_what_other_nodes_report_is_not_taken_for_the_node_s() -> None:
    with LiveNode('reporter') as reporter, LiveNode('watcher') as watcher:
        watch = CounterWatch(watcher.node, 'flowenedet')
        publisher = reporter.node.create_publisher(DiagnosticArray, '/diagnostics', 10)

        def reported(received: int) -> bool:
            for node in ('flowenedet_rear', 'robot/flowenedet'):
                publisher.publish(report(node, received=99, age_p95_ms=1.8e12))
            publisher.publish(report('flowenedet', received=received))
            return watch.wait_for(lambda values: 'received' in values, 0.2)

        assert any(reported(7) for _ in range(100))
        assert watch.values == {'received': '7'}

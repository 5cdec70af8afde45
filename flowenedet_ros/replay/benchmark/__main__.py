"""The process beside the node: camera and subscriber. A request in, figures out, both JSON."""

import json
import sys
from pathlib import Path

from flowenedet_ros.inference.errors import FlowEneDetError
from flowenedet_ros.replay.benchmark.node_figures import node_figures
from flowenedet_ros.replay.benchmark.request import NodeRequest

if __name__ == '__main__':
    request, scratch = NodeRequest(**json.loads(sys.argv[1])), Path(sys.argv[2])
    try:
        answer = node_figures(request, scratch)
    except FlowEneDetError as error:
        answer = {'error': str(error)}
    (scratch / 'node.json').write_text(json.dumps(answer), encoding='utf-8')

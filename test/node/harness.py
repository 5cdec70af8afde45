"""A node process and a robot around it: cameras, listeners, clients, over real DDS."""

import array
import fcntl
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.msg import Parameter, ParameterValue
from rcl_interfaces.srv import SetParameters
from rclpy.context import Context
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.parameter import get_parameter_value
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header, String
from support.tiny_bundle import smooth_image

from flowenedet_ros.replay.domains import claim_domain, release_domain
from flowenedet_ros.replay.environment import ros_environment

NODE = '/flowenedet'
# Generous: the machine may be busy, and nothing here is a measurement of speed.
TIMEOUT = 60.0
START = 'import sys; from flowenedet_ros.node.main import main; sys.exit(main())'

END_TIMEOUT = 5.0
SHARED_MEMORY = Path('/dev/shm')

BEST_EFFORT = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)
LATCHED = QoSProfile(
    depth=1,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
)


def shared_memory_of(pid):
    """Name the files in /dev/shm that a process has mapped: its own, its peers', their ports."""
    maps = Path(f'/proc/{pid}/maps').read_text()
    return set(re.findall(r'/dev/shm/(fastrtps_[0-9a-z]+)', maps))


def remove_unowned(name):
    """Remove a file of Fast DDS that nobody holds; other tests may share its ports."""
    lock = SHARED_MEMORY / f'{name}_el'
    if lock.exists():
        with lock.open('ab') as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
    for path in (lock, SHARED_MEMORY / name, SHARED_MEMORY / f'sem.{name}_mutex'):
        path.unlink(missing_ok=True)


class NodeUnderTest:
    """`flowenedet_node` as a process of its own."""

    def __init__(self, domain, folder, arguments=(), name='node', program=START):
        self.log = folder / f'{name}.log'
        self.left = set()
        variables = ros_environment(domain, log_folder=folder / 'ros_log')
        variables |= {'PYTHONUNBUFFERED': '1', 'OMP_NUM_THREADS': '1'}
        with self.log.open('wb') as output:
            self.process = subprocess.Popen(
                [sys.executable, '-c', program, '--ros-args', *arguments],
                stdout=output,
                stderr=subprocess.STDOUT,
                env=variables,
                cwd=folder,
                start_new_session=True,
            )

    def output(self):
        return self.log.read_text(errors='replace')

    def wait(self, timeout=TIMEOUT):
        return self.process.wait(timeout)

    def stop(self, number=signal.SIGINT):
        """Signal the node; give its exit code and the seconds it took to end."""
        started = time.monotonic()
        self.process.send_signal(number)
        return self.process.wait(TIMEOUT), time.monotonic() - started

    def kill(self):
        """End the node as `kill -9` does."""
        self.left |= shared_memory_of(self.process.pid)
        self.process.kill()
        self.process.wait()

    def end(self):
        """End the node in peace, by force where it does not listen."""
        if self.process.poll() is None:
            self.left |= shared_memory_of(self.process.pid)
            self.process.terminate()
            try:
                self.process.wait(END_TIMEOUT)
            except subprocess.TimeoutExpired:
                self.kill()


class Robot:
    """The other processes' side: publishes, listens and calls, in a context of its own."""

    def __init__(self, folder):
        self.domain = domain = claim_domain()
        self.folder = folder
        # The middleware reads its profile when the context is made.
        os.environ.update(ros_environment(domain, log_folder=folder / 'ros_log'))
        self.context = Context()
        rclpy.init(
            context=self.context,
            domain_id=domain,
            signal_handler_options=SignalHandlerOptions.NO,
        )
        self.node = rclpy.create_node('robot', context=self.context, use_global_arguments=False)
        self.executor = SingleThreadedExecutor(context=self.context)
        self.executor.add_node(self.node)
        self.changed = threading.Condition()
        self.heard = defaultdict(list)
        self.values = defaultdict(dict)
        self.levels = {}
        self.messages = {}
        self.processes = []
        self.program = START
        self.listen('/diagnostics', DiagnosticArray, 10, self._on_diagnostics)
        self.thread = threading.Thread(target=self._spin, daemon=True)
        self.thread.start()

    def _spin(self):
        try:
            self.executor.spin()
        except ExternalShutdownException:
            return

    def close(self):
        for process in self.processes:
            process.end()
        self.context.try_shutdown()
        self.thread.join()
        self.executor.shutdown()
        self.node.destroy_node()
        self.context.destroy()
        for name in set().union(*(process.left for process in self.processes)):
            remove_unowned(name)
        # What this process starts later is to have a domain of its own.
        os.environ.pop('ROS_DOMAIN_ID', None)
        release_domain(self.domain)

    def start(self, *arguments, **parameters):
        """Start the node with parameters; further arguments go to `--ros-args` as they are."""
        words = list(arguments)
        for key, value in parameters.items():
            words += ['-p', f'{key}:={value}']
        name = f'node{len(self.processes)}'
        process = NodeUnderTest(self.domain, self.folder, words, name, self.program)
        self.processes.append(process)
        return process

    # Listening.

    def listen(self, topic, message_type, qos=10, callback=None):
        def store(message):
            with self.changed:
                self.heard[topic].append(message)
                self.changed.notify_all()

        return self.node.create_subscription(message_type, topic, callback or store, qos)

    def wait_for_listeners(self, node=NODE):
        """
        Wait until the node knows of every listener: it makes nothing for those it has not found.

        DDS tells of them in the order they were made, so that a last one which the node sends
        its latched label map to vouches for those before it.
        """
        maps = []

        def store(message):
            with self.changed:
                maps.append(message)
                self.changed.notify_all()

        last = self.listen(f'{node}/label_map', String, LATCHED, store)
        self.until(lambda: maps, f'the label map of {node}')
        self.node.destroy_subscription(last)

    def _on_diagnostics(self, message):
        with self.changed:
            for status in message.status:
                node, _, item = status.name.partition(': ')
                self.values[node] |= {pair.key: pair.value for pair in status.values}
                self.levels[node, item] = status.level[0]
                self.messages[node, item] = status.message
            self.heard['/diagnostics'].append(message)
            self.changed.notify_all()

    def until(self, condition, what='the condition', process=None, timeout=TIMEOUT):
        """Wait until `condition()` holds, looking again whenever something arrives."""
        process = process or (self.processes[-1] if self.processes else None)
        deadline = time.monotonic() + timeout
        with self.changed:
            while not condition():
                left = deadline - time.monotonic()
                if left < 0 or (process is not None and process.process.poll() is not None):
                    pytest.fail(
                        f'waited for {what}; diagnostics {dict(self.values)} {self.messages}\n'
                        + (process.output()[-4000:] if process else '')
                    )
                self.changed.wait(min(left, 0.2))

    def value(self, key, node=NODE):
        return self.values[node.lstrip('/')].get(key)

    def count(self, key, node=NODE):
        return int(self.value(key, node) or 0)

    def state_is(self, state, node=NODE):
        return self.value('state', node) == state

    def wait_active(self, process=None, node=NODE):
        self.until(lambda: self.state_is('active', node), f'{node} to be active', process)

    def settled(self, sent, node=NODE):
        """Say whether the node accounts for `sent` frames, all of them done with."""
        c = {key: self.count(key, node) for key in (
            'received', 'lost', 'processed', 'dropped', 'rejected', 'pending'
        )}  # fmt: skip
        return (
            c['received'] + c['lost'] == sent
            and c['processed'] + c['dropped'] + c['rejected'] == c['received']
        )

    # Cameras.

    def camera(self, topic=f'{NODE}/input/image', message_type=Image, qos=BEST_EFFORT):
        """
        Give a publisher that hears of the node and of which the node has heard.

        DDS makes the two discoveries apart: a frame sent between them is lost.
        """
        publisher = self.node.create_publisher(message_type, topic, qos)
        self.until(lambda: publisher.get_subscription_count() > 0, f'a subscriber of {topic}')
        if message_type in (Image, CompressedImage):
            self.until(lambda: self.hears(topic), f'the node to hear of {topic}')
        return publisher

    def hears(self, topic):
        with self.changed:
            reports = list(self.heard['/diagnostics'])
        items = [{pair.key: pair.value for pair in status.values}
                 for report in reports[-1:] for status in report.status]  # fmt: skip
        return any(item.get('topic') == topic and int(item['publishers']) > 0 for item in items)

    # Services.

    def call(self, service, service_type, request, timeout=TIMEOUT):
        client = self.node.create_client(service_type, service)
        try:
            assert client.wait_for_service(timeout), f'no service {service}'
            future = client.call_async(request)
            self.until(future.done, f'an answer of {service}', timeout=timeout)
            return future.result()
        finally:
            self.node.destroy_client(client)

    def transition(self, label, node=NODE):
        request = ChangeState.Request()
        request.transition.label = label
        return self.call(f'{node}/change_state', ChangeState, request).success

    def state(self, node=NODE):
        return self.call(f'{node}/get_state', GetState, GetState.Request()).current_state.label

    def set_parameter(self, name, value, node=NODE):
        parameter = Parameter(name=name, value=_parameter_value(value))
        request = SetParameters.Request(parameters=[parameter])
        return self.call(f'{node}/set_parameters', SetParameters, request).results[0]


def _parameter_value(value):
    if isinstance(value, ParameterValue):
        return value
    if isinstance(value, str):
        return ParameterValue(type=4, string_value=value)
    return get_parameter_value(str(value))


def image(stamp=1, height=120, width=160, seed=0, frame_id='camera_optical', pixels=None):
    """Give a bgr8 Image; `stamp` is its seconds."""
    if pixels is None:
        pixels = smooth_image(height, width, seed)
    message = Image(header=Header(frame_id=frame_id), encoding='bgr8')
    message.header.stamp.sec = stamp
    message.height, message.width = pixels.shape[:2]
    message.step = 3 * message.width
    message.data = array.array('B', np.ascontiguousarray(pixels).tobytes())
    return message


def compressed(data, stamp=1, ros_format='jpeg'):
    message = CompressedImage(format=ros_format, data=array.array('B', data))
    message.header.stamp.sec = stamp
    message.header.frame_id = 'camera_optical'
    return message


def at_rate(hertz, items):
    """Give the items as a camera of that rate would, late ones at once."""
    due = time.monotonic()
    for item in items:
        yield item
        due += 1 / hertz
        time.sleep(max(0.0, due - time.monotonic()))


def pixels_of(message, dtype=np.uint8):
    return np.frombuffer(message.data, dtype).reshape(message.height, message.width)

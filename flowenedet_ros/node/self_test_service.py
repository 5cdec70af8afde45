"""`~/self_test`: compare the running model with its stored answers, on demand."""

from collections.abc import Callable
from concurrent.futures import Future as WorkerFuture
from typing import Any

from diagnostic_msgs.msg import DiagnosticStatus, KeyValue
from diagnostic_msgs.srv import SelfTest
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.node import Node
from rclpy.task import Future

from flowenedet_ros.inference.self_test import SelfTestReport

PASSED, FAILED = b'\x01', b'\x00'


class SelfTestService:
    """
    Answer `~/self_test` without keeping the executor from receiving frames.

    :param start: queues the self-test on the worker.
    """

    def __init__(
        self, node: Node, start: Callable[[], 'WorkerFuture[SelfTestReport]'], model_id: str
    ) -> None:
        self._node = node
        self._start = start
        self._model_id = model_id
        # A group of its own: while an answer waits for the worker, images are still taken.
        group = MutuallyExclusiveCallbackGroup()
        node.create_service(SelfTest, '~/self_test', self._answer, callback_group=group)

    async def _answer(self, request: Any, response: Any) -> Any:
        report = await self._in_executor(self._start())
        response.id = self._model_id
        response.passed = PASSED if report.passed else FAILED
        response.status = [self._status(report)]
        return response

    def _in_executor(self, work: 'WorkerFuture[SelfTestReport]') -> Future:
        executor: Any = self._node.executor
        future = Future(executor=executor)

        def finish(done: 'WorkerFuture[SelfTestReport]') -> None:
            future.set_result(done.result())
            # An executor without other work would look at the waiting answer much later.
            executor.wake()

        work.add_done_callback(finish)
        return future

    def _status(self, report: SelfTestReport) -> DiagnosticStatus:
        figures = {
            'images': report.images,
            'label_agreement': report.label_agreement,
            'idm_correlation': report.idm_correlation,
            'ood_correlation': report.ood_correlation,
        }
        return DiagnosticStatus(
            level=DiagnosticStatus.OK if report.passed else DiagnosticStatus.ERROR,
            name=f'{self._node.get_fully_qualified_name().lstrip("/")}: self-test',
            message=str(report),
            hardware_id=self._model_id,
            values=[KeyValue(key=key, value=str(value)) for key, value in figures.items()],
        )

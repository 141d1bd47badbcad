"""Services of the node: what an operator can ask of it while it runs."""

from __future__ import annotations

from collections.abc import Callable

from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.lifecycle import LifecycleNode
from std_srvs.srv import SetBool, Trigger

from vggt_ros.errors import SaveError, SessionError
from vggt_ros.ros.middleware.background import in_thread
from vggt_ros.ros.middleware.callback_errors import CallbackErrors
from vggt_ros.ros.pipeline import Pipeline


class Services:
    """`~/reset`, `~/trigger`, `~/save_map`, `~/load_map` (std_srvs/Trigger), `~/enable` (SetBool).

    An answer without success says what is in the way and what to do about it.
    """

    def __init__(
        self,
        node: LifecycleNode,
        errors: CallbackErrors,
        pipeline: Callable[[], Pipeline | None],
        state: Callable[[], str],
    ) -> None:
        """Offer them.

        Args:
            node: Whose services they are.
            errors: Takes note of what a service raises.
            pipeline: Returns what works, None while the node is not configured.
            state: Returns the label of the lifecycle state.
        """
        self._node = node
        self._pipeline = pipeline
        self._state = state
        answering = errors.answering
        node.create_service(Trigger, '~/reset', answering(self._on_reset))
        node.create_service(Trigger, '~/trigger', answering(self._on_trigger))
        node.create_service(SetBool, '~/enable', answering(self._on_enable))
        # Each of them waits for a disk while the others are answered.
        for name, answer in (('save_map', self._on_save_map), ('load_map', self._on_load_map)):
            node.create_service(
                Trigger,
                f'~/{name}',
                answering(answer),
                callback_group=MutuallyExclusiveCallbackGroup(),
            )

    def _on_reset(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        pipeline = self._pipeline()
        if pipeline is None:
            response.message = self._not_configured()
            return response
        num_points = pipeline.snapshot().num_map_points
        pipeline.reset()
        message = f'forgot the map ({num_points} points), the path and what was waiting'
        return self._done(response, message)

    def _on_trigger(
        self, request: Trigger.Request, response: Trigger.Response
    ) -> Trigger.Response:
        pipeline, state = self._pipeline(), self._state()
        if pipeline is None or state != 'active':
            response.message = f'the node is {state} and takes no images; activate it first'
            return response
        pipeline.trigger()
        return self._done(response, 'the next image of each camera makes a window')

    def _on_enable(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        pipeline = self._pipeline()
        if pipeline is None:
            response.message = self._not_configured()
            return response
        pipeline.set_enabled(request.data)
        response.success = True
        response.message = 'taking images' if request.data else 'letting images pass'
        self._node.get_logger().info(response.message)
        return response

    async def _on_save_map(
        self, request: Trigger.Request, response: Trigger.Response
    ) -> Trigger.Response:
        pipeline = self._pipeline()
        if pipeline is None:
            response.message = self._not_configured()
            return response
        try:
            # A large map takes a second: images go on coming.
            saved = await in_thread(pipeline.save_map, self._node.executor)
        except SaveError as error:
            return self._refused(response, error)
        return self._done(
            response,
            f'saved {saved.num_points} points and {saved.num_views} camera poses in '
            f'{saved.folder} ({saved.num_bytes / 1e6:.1f} MB)',
        )

    async def _on_load_map(
        self, request: Trigger.Request, response: Trigger.Response
    ) -> Trigger.Response:
        pipeline = self._pipeline()
        if pipeline is None:
            response.message = self._not_configured()
            return response
        try:
            session = await in_thread(pipeline.stored_map, self._node.executor)
        except SessionError as error:
            return self._refused(response, error)
        if pipeline is not self._pipeline():
            response.message = self._not_configured()
            return response
        pipeline.load_map(session)
        return self._done(
            response,
            f'loaded {len(session.submaps)} submaps, {len(session.keyframes)} places and '
            f'{len(session.voxels.hits)} points; relocalizing',
        )

    def _done(self, response: Trigger.Response, message: str) -> Trigger.Response:
        response.success = True
        response.message = message
        self._node.get_logger().info(message)
        return response

    def _refused(self, response: Trigger.Response, error: Exception) -> Trigger.Response:
        response.message = str(error)
        self._node.get_logger().error(response.message)
        return response

    def _not_configured(self) -> str:
        return f'the node is {self._state()}: there is nothing to do this with; configure it first'

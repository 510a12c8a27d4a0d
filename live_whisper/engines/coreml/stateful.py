"""The decoder whose caches live inside Core ML: macOS 15 or later, chosen explicitly."""

from collections.abc import Sequence
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from live_whisper.engines.coreml import names
from live_whisper.engines.coreml.backend import State
from live_whisper.engines.coreml.buffers import give_back
from live_whisper.engines.coreml.manifest import Manifest
from live_whisper.engines.coreml.runner import Loader, Outputs, PackageRunner
from live_whisper.engines.coreml.session import CoreMLSession, fill_step
from live_whisper.errors import EngineError

Array = npt.NDArray[np.float32]


class StatefulSteps:
    """One multi-function package for one context length; a state for each session."""

    def __init__(self, loader: Loader, manifest: Manifest, positions: int) -> None:
        self.width = manifest.prefill_width
        self.text_positions = manifest.text_positions
        self._runner = PackageRunner(loader, manifest.package("stateful", positions))
        self._states: WeakKeyDictionary[CoreMLSession, State] = WeakKeyDictionary()
        for function in (names.FUNCTION_STEP, names.FUNCTION_PREFILL):
            mask = self._runner.inputs[function][names.CROSS_MASK]
            mask[:, positions:] = names.MASKED  # the padding behind the last position

    @property
    def runners(self) -> list[PackageRunner]:
        """The one package."""
        return [self._runner]

    def project(self, encoded: Array) -> Array:
        """The encoder output itself: the projection goes into a session's state."""
        return encoded

    def run(self, session: CoreMLSession, ids: Sequence[int]) -> Outputs:
        """Run a chunk; on other compute units where the result is not finite.

        A state belongs to the model it was made from, so after such a change the session's ids go
        through the new model once more.
        """
        while True:
            try:
                if session not in self._states:
                    self._states[session] = self._project_into_state(session)
                    self._replay(session)
                return self._run_chunk(session, ids, session.length)
            except EngineError as error:
                self._runner.fall_back(error)
                self._states.clear()

    def _project_into_state(self, session: CoreMLSession) -> State:
        state = self._runner.make_state()
        inputs = self._runner.inputs[names.FUNCTION_CROSS]
        np.copyto(inputs[names.ENCODED], session.features.cross())
        self._runner.run_once(names.FUNCTION_CROSS, state)
        return state

    def _replay(self, session: CoreMLSession) -> None:
        for start in range(0, session.length, self.width):
            self._run_chunk(session, session.ids[start : start + self.width], start)

    def _run_chunk(self, session: CoreMLSession, ids: Sequence[int], length: int) -> Outputs:
        function = names.FUNCTION_STEP if len(ids) == 1 else names.FUNCTION_PREFILL
        fill_step(self._runner.inputs[function], ids, length)
        return self._runner.run_once(function, self._states[session])

    def release(self, session: CoreMLSession) -> None:
        """Free the session's state."""
        self._states.pop(session, None)

    def close(self) -> None:
        """Give the buffers back."""
        give_back([b for inputs in self._runner.inputs.values() for b in inputs.values()])

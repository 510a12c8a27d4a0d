"""The decoder whose cache lives in this process: any macOS from 14 on, and the default."""

from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from live_whisper.engines.coreml import names
from live_whisper.engines.coreml.buffers import give_back
from live_whisper.engines.coreml.manifest import Manifest
from live_whisper.engines.coreml.runner import Loader, Outputs, PackageRunner
from live_whisper.engines.coreml.session import CoreMLSession, fill_step

Array = npt.NDArray[np.float32]


class CrossCache:
    """Cross keys and values of one window, (1, layers * d, 1, positions) each, float32."""

    def __init__(self, keys: Array, values: Array) -> None:
        self.keys = keys
        self.values = values


class ExplicitSteps:
    """Projection, prefill and step for one context length; owns the cache buffers.

    The buffers are what Core ML reads, so there is one set. A session that gets its turn back
    finds its cache as it left it: the one before is put aside first.
    """

    def __init__(self, loader: Loader, manifest: Manifest, positions: int) -> None:
        self.width = manifest.prefill_width
        self.text_positions = manifest.text_positions
        self._cross = PackageRunner(loader, manifest.package("cross", positions))
        self._step = PackageRunner(loader, manifest.package("step", positions))
        inputs = self._step.inputs["main"]
        self._caches = [inputs[names.KEY_CACHE], inputs[names.VALUE_CACHE]]
        self._cross_caches = [inputs[names.CROSS_KEYS], inputs[names.CROSS_VALUES]]
        big = (names.KEY_CACHE, names.VALUE_CACHE, names.CROSS_KEYS, names.CROSS_VALUES)
        shared = {name: inputs[name] for name in big}
        self._prefill = PackageRunner(loader, manifest.package("prefill", positions), shared)
        self._owner: CoreMLSession | None = None
        self._bound: Any = None
        # Weak, so that a session that is dropped without being closed leaves nothing behind.
        self._aside: WeakKeyDictionary[CoreMLSession, tuple[int, list[Array]]]
        self._aside = WeakKeyDictionary()

    @property
    def runners(self) -> list[PackageRunner]:
        """Projection, step and prefill."""
        return [self._cross, self._step, self._prefill]

    def project(self, encoded: Array) -> CrossCache:
        """Cross keys and values of an encoder output (1, d, 1, positions)."""
        np.copyto(self._cross.inputs["main"][names.ENCODED], encoded)
        outputs = self._cross.run()
        return CrossCache(outputs[names.CROSS_KEYS], outputs[names.CROSS_VALUES])

    def run(self, session: CoreMLSession, ids: Sequence[int]) -> Outputs:
        """Run a chunk and put its keys and values into the cache."""
        self._take_turn(session)
        runner = self._step if len(ids) == 1 else self._prefill
        fill_step(runner.inputs["main"], ids, session.length)
        outputs = runner.run()
        first, last = session.length, session.length + len(ids)
        updates = (outputs[names.KEY_UPDATES], outputs[names.VALUE_UPDATES])
        for cache, update in zip(self._caches, updates, strict=True):
            cache[..., first:last] = update[..., : len(ids)]
        return outputs

    def _take_turn(self, session: CoreMLSession) -> None:
        if self._owner is not session:
            if self._owner is not None:
                length = self._owner.length
                copies = [cache[..., :length].copy() for cache in self._caches]
                self._aside[self._owner] = (length, copies)
            length, copies = self._aside.pop(session, (0, []))
            for cache, copy in zip(self._caches, copies, strict=False):
                cache[..., :length] = copy
            self._owner = session
        if self._bound is not session.features:
            cross: CrossCache = session.features.cross()
            for cache, new in zip(self._cross_caches, (cross.keys, cross.values), strict=True):
                np.copyto(cache, new)
            self._bound = session.features

    def release(self, session: CoreMLSession) -> None:
        """Forget the session."""
        self._aside.pop(session, None)
        if self._owner is session:
            self._owner = None
            self._bound = None

    def close(self) -> None:
        """Give the buffers back."""
        for runner in self.runners:
            give_back([b for inputs in runner.inputs.values() for b in inputs.values()])

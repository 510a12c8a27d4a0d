"""The one place that imports coremltools, with a message for people who lack it."""

import logging
import warnings
from types import ModuleType

from live_whisper.errors import MissingDependencyError


def coremltools() -> ModuleType:
    """The ``coremltools`` module, its chatter silenced.

    Raises:
        MissingDependencyError: where it is not installed.
    """
    # coremltools warns once at import about every untested version of torch and scikit-learn.
    logging.getLogger("coremltools").setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import coremltools as module  # noqa: PLC0415 - optional and slow to import
    except ImportError as error:
        raise MissingDependencyError(
            "The Core ML engine needs coremltools, which is not installed.",
            hint='Install it with: pip install "live-whisper[coreml]"',
        ) from error
    return module  # type: ignore[no-any-return]
